import type { ImdsClient } from '../../src/azure/imds-client.ts'
import { UpstreamError } from '../../src/azure/upstream-error.ts'
import { sleep } from '../../src/base/deadline.ts'
import { SecretString } from '../../src/base/secret.ts'
import type { ObjectStore } from '../../src/kube/store.ts'
import { objectKey } from '../../src/model/names.ts'
import type { MicWorld } from '../../test/make/mic-world.ts'
import { vmssId } from '../../test/make/mic-world.ts'
import { type Agent, startAgent } from './agent.ts'

const TOKEN_SECONDS = 6 * 3_600

/** The node agents of all nodes, each with what one lagging watch tells about its node. */
export class Fleet {
  readonly #world: MicWorld
  readonly #agents = new Map<string, Agent>()
  readonly #outages = new Map<string, number>()
  readonly #watch: ReturnType<MicWorld['cluster']['watch']>

  constructor(world: MicWorld) {
    this.#world = world
    this.#watch = world.cluster.watch()
    const { pods, assigned, bindings, identities } = this.#watch.stores
    pods.subscribe(({ key, before, after }) => {
      this.#tell((before ?? after)?.nodeName ?? '', (agent) => change(agent.stores.pods, key, after))
    })
    assigned.subscribe(({ key, before, after }) => {
      this.#tell((before ?? after)?.nodeName ?? '', (agent) => change(agent.stores.assigned, key, after))
    })
    bindings.subscribe(({ key, after }) => {
      for (const agent of this.#agents.values()) change(agent.stores.bindings, key, after)
    })
    identities.subscribe(({ key, after }) => {
      for (const agent of this.#agents.values()) change(agent.stores.identities, key, after)
    })
  }

  agent(node: string): Agent | undefined {
    return this.#agents.get(node)
  }

  /** Starts the agent of a node, in place of the one that ran. */
  async start(node: string): Promise<void> {
    await this.#agents.get(node)?.stop()
    const agent = await startAgent(this.#world.clock, { token: this.#imdsOf(node) })
    const { stores } = this.#watch
    for (const each of stores.identities.values()) agent.stores.identities.put(keyOf(each), each)
    for (const each of stores.bindings.values()) agent.stores.bindings.put(keyOf(each), each)
    for (const each of stores.pods.values())
      if (each.nodeName === node) agent.stores.pods.put(keyOf(each), each)
    for (const each of stores.assigned.values())
      if (each.nodeName === node) agent.stores.assigned.put(keyOf(each), each)
    this.#agents.set(node, agent)
  }

  /** IMDS of that node fails for so long. */
  breakImds(node: string, ms: number): void {
    this.#outages.set(node, this.#world.clock.monotonic() + ms)
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents.values()) await agent.stop()
    this.#watch.stop()
  }

  #tell(node: string, tell: (agent: Agent) => void): void {
    const agent = this.#agents.get(node)
    if (agent !== undefined) tell(agent)
  }

  /** Tokens only for what ARM says is on the scale set of this node; the token's text is the client id. */
  #imdsOf(node: string): ImdsClient['token'] {
    const group = vmssId(node.split('-')[0] ?? '')
    const { arm, clock } = this.#world
    return async ({ selector }, signal) => {
      await sleep(clock, 5 + clock.random() * 40, signal)
      if (clock.monotonic() < (this.#outages.get(node) ?? 0) || clock.random() < 0.01)
        throw new UpstreamError('unavailable', 'a fault of the bench', { status: 500 })
      const held = arm.groups.get(group)?.identities ?? new Map<string, { clientId: string }>()
      const found = heldAs(held, selector?.value)
      if (selector !== undefined && found === undefined)
        throw new UpstreamError('identity-unknown', 'not on this node', { status: 400 })
      const now = Math.floor(clock.now() / 1_000)
      return {
        value: new SecretString(found ?? "the node's own"),
        expiresOn: now + TOKEN_SECONDS,
        notBefore: now,
        lifetimeSeconds: TOKEN_SECONDS,
        tokenType: 'Bearer',
        clientId: found ?? '',
      }
    }
  }
}

/** Client id of an identity that is asked for by client id or by resource id. */
function heldAs(
  held: ReadonlyMap<string, { readonly clientId: string }>,
  asked: string | undefined,
): string | undefined {
  for (const [id, { clientId }] of held)
    if (clientId === asked || id === asked?.toLowerCase()) return clientId
  return undefined
}

function keyOf(object: { readonly namespace: string; readonly name: string }): string {
  return objectKey(object.namespace, object.name)
}

function change<T extends object>(store: ObjectStore<T>, key: string, after: T | undefined): void {
  if (after === undefined) store.remove(key)
  else store.put(key, after)
}
