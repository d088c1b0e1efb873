import { ArmError } from '../../src/azure/arm.ts'
import { asError } from '../../src/base/errors.ts'
import { type MicWorld, makeMicWorld, type RunningMic, vmssId, vmssNode } from '../../test/make/mic-world.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { Fleet } from './fleet.ts'
import { Truth } from './truth.ts'
import { judge, type Verdict } from './verdict.ts'

const SETS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] as const
const STEP_MS = 5_000
const ASK_EVERY_MS = 20 * 60_000
/** A kubelet does not give an address away again at once; longer than any watch event is late. */
const ADDRESS_REST_MS = 10_000
const LATEST_EVENT_MS = 1_000
const MINUTE = 60_000

export interface Size {
  /** Pods that live at the same time. */
  readonly pods: number
  readonly identities: number
  readonly nodes: number
  /** Mean life of a pod. */
  readonly lifeMs: number
}

interface LivePod {
  readonly name: string
  readonly identity: string
  readonly node: string
  readonly address: string
  readonly diesAt: number
  asksAt: number
}

export interface Tally {
  started: number
  ended: number
  granted: number
  wrong: number
  faults: number
  micRestarts: number
  agentRestarts: number
  readonly refused: Map<string, number>
}

/** One cluster, its Azure, MIC and node agents on one simulated clock, and what befalls them. Seeded. */
export class Story {
  readonly world: MicWorld
  readonly tally: Tally = {
    started: 0,
    ended: 0,
    granted: 0,
    wrong: 0,
    faults: 0,
    micRestarts: 0,
    agentRestarts: 0,
    refused: new Map(),
  }
  readonly #size: Size
  readonly #fleet: Fleet
  readonly #truth = new Truth()
  readonly #nodes: string[]
  readonly #pods = new Map<string, LivePod>()
  readonly #rested = new Map<string, { address: string; since: number }[]>()
  readonly #broken = new Map<string, { mendAt: number; mend: () => void }>()
  readonly #asks = new Set<Promise<void>>()
  #mic: RunningMic
  #number = 0
  #addresses = 0
  #renewals = 0
  #failedAsk: Error | undefined

  private constructor(size: Size, seed: number) {
    this.#size = size
    this.world = makeMicWorld({ seed })
    const { arm, cluster } = this.world
    cluster.watchDelayMs = LATEST_EVENT_MS
    for (const set of SETS) arm.addGroup(vmssId(set))
    this.#nodes = Array.from({ length: size.nodes }, (_, index) => {
      const set = SETS[index % SETS.length] ?? 'a'
      const node = vmssNode(set, Math.floor(index / SETS.length))
      cluster.put('nodes', node)
      return node.name
    })
    for (let index = 0; index < size.identities; index += 1) {
      const name = `i${index}`
      this.world.addIdentity(name)
      this.#truth.allow(name, clientIdOf(name), 0)
    }
    this.#mic = this.world.startMic()
    this.#fleet = new Fleet(this.world)
  }

  static async begin(size: Size, seed: number): Promise<Story> {
    const story = new Story(size, seed)
    for (const node of story.#nodes) await story.#fleet.start(node)
    return story
  }

  get #now(): number {
    return this.world.clock.monotonic()
  }

  #random(): number {
    return this.world.clock.random()
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }

  /** So much time passes. */
  async live(ms: number): Promise<void> {
    const end = this.#now + ms
    while (this.#now < end) {
      this.#end()
      this.#start()
      await this.#befall()
      this.#ask()
      await this.world.clock.advance(STEP_MS)
      this.#forgetRecords()
      if (this.#failedAsk !== undefined) throw this.#failedAsk
    }
  }

  #start(): void {
    // A cluster fills within half an hour; after that what ended is replaced.
    const most = Math.ceil((this.#size.pods * STEP_MS) / (30 * MINUTE))
    for (let index = 0; index < most && this.#pods.size < this.#size.pods; index += 1) {
      this.#number += 1
      const node = this.#pick(this.#nodes)
      const life = -Math.log(1 - this.#random()) * this.#size.lifeMs
      const pod: LivePod = {
        name: `p${this.#number}`,
        identity: `i${Math.floor(this.#random() * this.#size.identities)}`,
        node,
        address: this.#addressOn(node),
        diesAt: this.#now + 10_000 + life,
        asksAt: this.#now,
      }
      this.#pods.set(pod.name, pod)
      this.tally.started += 1
      const { name, identity, address } = pod
      this.world.cluster.put(
        'pods',
        makePod({ name, uid: name, selector: identity, nodeName: node, addresses: [address] }),
      )
    }
  }

  #addressOn(node: string): string {
    const rested = this.#rested.get(node)
    if (rested?.[0] !== undefined && this.#now - rested[0].since >= ADDRESS_REST_MS) {
      const next = rested.shift()
      if (next !== undefined) return next.address
    }
    this.#addresses += 1
    return `10.${this.#addresses >> 16}.${(this.#addresses >> 8) & 255}.${this.#addresses & 255}`
  }

  #end(): void {
    for (const pod of this.#pods.values()) {
      if (pod.diesAt > this.#now) continue
      this.#pods.delete(pod.name)
      this.tally.ended += 1
      const rested = this.#rested.get(pod.node) ?? []
      rested.push({ address: pod.address, since: this.#now })
      this.#rested.set(pod.node, rested)
      this.world.cluster.remove('pods', `default/${pod.name}`)
    }
  }

  #ask(): void {
    for (const pod of this.#pods.values()) {
      if (pod.asksAt > this.#now) continue
      pod.asksAt = this.#now + ASK_EVERY_MS * (0.5 + this.#random())
      const asking = this.#askFor(pod)
        .catch((thrown: unknown) => {
          this.#failedAsk ??= asError(thrown)
        })
        .finally(() => this.#asks.delete(asking))
      this.#asks.add(asking)
    }
  }

  async #askFor(pod: LivePod): Promise<void> {
    const outcome = await this.#fleet.agent(pod.node)?.ask(pod.address)
    // Nobody is there any more to take the answer.
    if (outcome === undefined || this.#pods.get(pod.name) !== pod) return
    if (outcome.kind === 'refused') {
      const { code } = outcome.refusal
      this.tally.refused.set(code, (this.tally.refused.get(code) ?? 0) + 1)
      // As an SDK or an application does: again, soon.
      pod.asksAt = Math.min(pod.asksAt, this.#now + MINUTE)
      return
    }
    this.tally.granted += 1
    const token = outcome.tokens[0].value.reveal()
    if (!this.#truth.isAllowed(pod.identity, token, this.#now)) this.tally.wrong += 1
  }

  /** Each fault comes about so often. */
  async #befall(): Promise<void> {
    const { arm, cluster } = this.world
    const happens = (everyMs: number): boolean => {
      const does = this.#random() < STEP_MS / everyMs
      if (does) this.tally.faults += 1
      return does
    }
    for (const [name, { mendAt, mend }] of this.#broken) {
      if (mendAt > this.#now) continue
      this.#broken.delete(name)
      mend()
    }
    if (happens(5 * MINUTE)) this.#breakArm()
    if (happens(5 * MINUTE)) {
      let left = 1 + Math.floor(this.#random() * 5)
      cluster.beforeWrite = () => {
        left -= 1
        if (left >= 0) throw new Error('503 from the API server')
      }
    }
    if (happens(5 * MINUTE)) this.#unbind()
    if (happens(10 * MINUTE)) this.#fleet.breakImds(this.#pick(this.#nodes), MINUTE)
    if (happens(20 * MINUTE)) this.#destroy()
    if (happens(20 * MINUTE)) {
      const name = this.#freeIdentity()
      if (name !== undefined) {
        arm.permit(identityId(name), false)
        this.#mendLater(name, () => arm.permit(identityId(name), true))
      }
    }
    if (happens(10 * MINUTE)) {
      this.tally.agentRestarts += 1
      await this.#fleet.start(this.#pick(this.#nodes))
    }
    if (happens(30 * MINUTE)) {
      this.tally.micRestarts += 1
      await this.#mic.kill()
      this.#mic = this.world.startMic()
    }
  }

  #freeIdentity(): string | undefined {
    const name = `i${Math.floor(this.#random() * this.#size.identities)}`
    return this.#broken.has(name) ? undefined : name
  }

  #mendLater(name: string, mend: () => void): void {
    this.#broken.set(name, { mendAt: this.#now + MINUTE + this.#random() * 10 * MINUTE, mend })
  }

  #unbind(): void {
    const name = this.#freeIdentity()
    if (name === undefined) return
    const { cluster } = this.world
    const clientId = cluster.all('identities').find((each) => each.name === name)?.clientId ?? ''
    cluster.remove('bindings', `default/${name}-binding`)
    this.#truth.revoke(name, this.#now)
    this.#mendLater(name, () => {
      cluster.put('bindings', makeBinding({ name: `${name}-binding`, azureIdentity: name, selector: name }))
      this.#truth.allow(name, clientId, this.#now)
    })
  }

  /** Deleted in Azure, and later made again with another client id. */
  #destroy(): void {
    const name = this.#freeIdentity()
    if (name === undefined) return
    const { arm, cluster } = this.world
    arm.deleteIdentity(identityId(name))
    this.#mendLater(name, () => {
      this.#renewals += 1
      const clientId = clientIdOf(`r${String(this.#renewals).padStart(5, '0')}`)
      arm.addIdentity(identityId(name), clientId)
      cluster.put('identities', makeIdentity({ name, clientId }))
      this.#truth.allow(name, clientId, this.#now)
    })
  }

  #breakArm(): void {
    const fault = this.#pick(['throttled', 'conflict', 'unavailable', 'lost'] as const)
    let left = 1 + Math.floor(this.#random() * 6)
    const { arm } = this.world
    const fail = (): void => {
      left -= 1
      if (left >= 0) throw new ArmError(fault === 'lost' ? 'unavailable' : fault, 'fault', { status: 500 })
    }
    // Lost: it has effect and nobody hears of it.
    if (fault === 'lost') arm.afterCall = fail
    else arm.beforeCall = fail
  }

  /** What the fakes write down for tests is no memory of podid. */
  #forgetRecords(): void {
    this.world.arm.calls.length = 0
    this.world.cluster.events.length = 0
    this.world.cluster.writes.length = 0
  }

  /** Everything is mended, no pod comes or goes, and time passes. */
  async settle(): Promise<void> {
    const { arm, cluster, clock } = this.world
    for (const { mend } of this.#broken.values()) mend()
    this.#broken.clear()
    arm.beforeCall = () => {}
    arm.afterCall = () => {}
    cluster.beforeWrite = () => {}
    await clock.advance(45 * MINUTE)
    await Promise.all(this.#asks)
  }

  /** Compares what is with what the pods that live want. Call after `settle`. */
  verdict(): Verdict {
    return judge(this.world, this.#pods, SETS.map(vmssId))
  }

  async stop(): Promise<void> {
    await this.#mic.kill()
    await this.#fleet.stop()
  }
}
