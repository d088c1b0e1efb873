import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeBroker, tokenTextOf } from '../../test/fakes/fake-broker.ts'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  clientIdOf,
  makeAssigned,
  makeBinding,
  makeException,
  makeIdentity,
  makePod,
} from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import { objectKey } from '../model/names.ts'
import { refuse } from '../model/refusal.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  ObjectIdentity,
  Pod,
} from '../model/resources.ts'
import { type Fields, type Log, silentLog } from '../telemetry/log.ts'
import { TokenError } from '../tokens/token-source.ts'
import { createClusterView } from './cluster-view.ts'
import { holdLimits, type NmiConfig, nmiConfig } from './config.ts'
import type { Outcome } from './outcome.ts'
import type { TokenTarget } from './request-target.ts'
import { type Asker, createStandings } from './standing.ts'
import { createTokenFlow } from './token-flow.ts'
import { createWaiters, podWaitKey } from './waiters.ts'

const TARGET: TokenTarget = { kind: 'token', resource: 'https://vault.azure.net', selector: {} }
const SHOP_TOKEN = tokenTextOf(makeIdentity())

function setting(fields: Partial<Omit<NmiConfig, 'limits'>> = {}) {
  const clock = new FakeClock()
  const pods = new ObjectStore<Pod>()
  const bindings = new ObjectStore<AzureIdentityBinding>()
  const identities = new ObjectStore<AzureIdentity>()
  const assigned = new ObjectStore<AzureAssignedIdentity>()
  const exceptions = new ObjectStore<AzurePodIdentityException>()
  const config = nmiConfig(fields)
  const broker = new FakeBroker()
  const waiters = createWaiters(clock)
  const warnings: Fields[] = []
  const log: Log = { ...silentLog, warn: (said) => warnings.push(said) }
  const view = createClusterView({ pods, bindings, identities, assigned, exceptions })
  const standings = createStandings({ config, view, broker, clock, log })
  const state = { closing: false }
  const flow = createTokenFlow({ config, standings, broker, waiters, clock, closing: () => state.closing })
  const put = <T extends ObjectIdentity>(store: ObjectStore<T>, object: T): void => {
    store.put(objectKey(object.namespace, object.name), object)
    waiters.wakeAll()
  }
  const settled: number[] = []
  const asker: Asker = {
    now() {
      const pod = pods.get('default/shop-0')
      return pod === undefined ? { refusal: refuse('pod-unknown', 'unknown'), settles: true } : { pod }
    },
    settle() {
      settled.push(clock.monotonic())
      return Promise.resolve()
    },
  }
  const controller = new AbortController()
  return {
    clock,
    pods,
    bindings,
    identities,
    assigned,
    exceptions,
    broker,
    waiters,
    warnings,
    state,
    put,
    settled,
    controller,
    now: (target = TARGET): Outcome | undefined => flow.now(asker, target),
    wait: (target = TARGET, patient = false): Promise<Outcome> =>
      flow.wait(asker, target, controller.signal, patient),
    /** Pod, binding and identity; MIC has done nothing yet. */
    bind(pod = makePod()): void {
      put(pods, pod)
      put(bindings, makeBinding())
      put(identities, makeIdentity())
    },
  }
}

function textOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'waits'
  return outcome.kind === 'granted'
    ? outcome.tokens.map((token) => token.value.reveal()).join(' ')
    : outcome.refusal.code
}

/** Moves the clock until the outcome is there; tells how long it took. */
async function after(clock: FakeClock, wait: Promise<Outcome>): Promise<{ outcome: Outcome; ms: number }> {
  const startedAt = clock.monotonic()
  const state = { done: false }
  const watched = wait.finally(() => {
    state.done = true
  })
  for (await clock.advance(0); !state.done; ) {
    const next = clock.untilNext()
    assert.ok(next !== undefined, 'nothing more happens')
    await clock.advance(next)
  }
  return { outcome: await watched, ms: clock.monotonic() - startedAt }
}

test('a cached token is served without a promise', () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  const outcome = world.now()
  assert.equal(textOf(outcome), SHOP_TOKEN)
  assert.equal(outcome?.kind === 'granted' && outcome.cached, true)
  assert.equal(world.broker.requests.length, 0)
})

test('a request without a resource is refused before anything is looked up', () => {
  assert.equal(textOf(setting().now({ ...TARGET, resource: ' ' })), 'resource-missing')
})

test('a request for an identity that is being assigned is answered at the event, not at a tick', async () => {
  const world = setting()
  world.bind()
  assert.equal(world.now(), undefined)
  const wait = world.wait()
  await world.clock.advance(7_000)
  world.put(world.assigned, makeAssigned({ state: 'Created' }))
  await world.clock.advance(13_333)
  world.put(world.assigned, makeAssigned())
  assert.equal(textOf((await after(world.clock, wait)).outcome), SHOP_TOKEN)
  assert.equal(world.clock.monotonic(), 20_333)
  assert.equal(world.waiters.size, 0)
  assert.equal(world.clock.timers, 0)
})

test('a hold ends at its limit with a retryable refusal', async () => {
  const world = setting()
  world.bind()
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.equal(textOf(outcome), 'not-assigned-yet')
  assert.equal(ms, 45_000)
})

test('a client that neither gives up nor asks again is held longer, for the assignment and for IMDS', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned({ state: 'Created' }))
  const { outcome, ms } = await after(world.clock, world.wait(TARGET, true))
  assert.equal(textOf(outcome), 'not-assigned-yet')
  assert.equal(ms, 200_000)
  world.put(world.assigned, makeAssigned())
  const startedAt = world.clock.monotonic()
  world.broker.fail = () =>
    world.clock.monotonic() - startedAt < 190_000
      ? new TokenError('identity-unknown-to-imds', 'not known yet')
      : undefined
  assert.equal(textOf((await after(world.clock, world.wait(TARGET, true))).outcome), SHOP_TOKEN)
})

test('the old retry flags shorten the hold: while no object exists, and once it does', async () => {
  const hold = holdLimits({
    retryAttemptsForCreated: 2,
    retryAttemptsForAssigned: 1,
    findIdentityRetryIntervalSeconds: 5,
  })
  const none = setting({ hold })
  none.bind()
  assert.equal((await after(none.clock, none.wait())).ms, 10_000)
  const created = setting({ hold })
  created.bind()
  created.put(created.assigned, makeAssigned({ state: 'Created' }))
  assert.equal((await after(created.clock, created.wait())).ms, 15_000)
})

test('a client that goes away ends the wait and leaves nothing behind', async () => {
  const world = setting()
  world.bind()
  const wait = world.wait()
  await world.clock.advance(1_000)
  world.controller.abort(new Error('gone'))
  await assert.rejects(wait, /gone/)
  assert.equal(world.waiters.size, 0)
  assert.equal(world.clock.timers, 0)
})

test('an agent that stops holds nothing', async () => {
  const world = setting()
  world.bind()
  const wait = world.wait()
  await world.clock.advance(1_000)
  world.state.closing = true
  world.waiters.wakeAll()
  assert.equal(textOf(await wait), 'agent-not-ready')
})

test('a permanent refusal is given at once', () => {
  const world = setting()
  world.put(world.pods, makePod())
  assert.equal(textOf(world.now()), 'no-binding')
})

test('a young pod waits a moment for its binding, which kubectl applies a blink later', async () => {
  const world = setting()
  world.put(world.pods, makePod({ createdAt: world.clock.now() }))
  assert.equal(world.now(), undefined)
  const wait = world.wait()
  await world.clock.advance(500)
  world.put(world.bindings, makeBinding())
  await world.clock.advance(500)
  world.put(world.identities, makeIdentity())
  world.put(world.assigned, makeAssigned())
  assert.equal(textOf(await wait), SHOP_TOKEN)
})

test('a young pod without a binding is refused for good after its moment', async () => {
  const world = setting()
  world.put(world.pods, makePod({ createdAt: world.clock.now() }))
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.equal(textOf(outcome), 'no-binding')
  assert.equal(ms, 3_000)
})

test('a young pod without a label has nothing to wait for', () => {
  const world = setting()
  world.put(world.pods, makePod({ selector: '', createdAt: world.clock.now() }))
  assert.equal(textOf(world.now()), 'no-label')
})

test('IMDS that does not know an assigned identity yet is asked again with growing pauses', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  world.broker.cached = false
  world.broker.fail = () =>
    world.clock.monotonic() < 15_000
      ? new TokenError('identity-unknown-to-imds', 'Identity not found')
      : undefined
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.equal(textOf(outcome), SHOP_TOKEN)
  assert.ok(ms >= 15_000 && ms <= 20_000, String(ms))
  assert.ok(world.broker.requests.length <= 10, String(world.broker.requests.length))
})

test('an assignment of 60 s and an IMDS that lags 15 s more cost a client one retry', async () => {
  const world = setting()
  world.bind()
  world.broker.cached = false
  world.broker.fail = () =>
    world.clock.monotonic() < 75_000
      ? new TokenError('identity-unknown-to-imds', 'Identity not found')
      : undefined
  world.clock.after(60_000, () => world.put(world.assigned, makeAssigned()))
  const first = await after(world.clock, world.wait())
  assert.equal(textOf(first.outcome), 'not-assigned-yet')
  await world.clock.advance(5_000)
  assert.equal(textOf((await after(world.clock, world.wait())).outcome), SHOP_TOKEN)
})

test('an identity that stays unknown to IMDS is refused, retryable, within the limit of a request', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  world.broker.fail = () => new TokenError('identity-unknown-to-imds', 'Identity not found')
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.equal(textOf(outcome), 'identity-unknown-to-imds')
  assert.ok(ms <= 45_000, String(ms))
})

test('a token that is refused upstream is refused at once, with the words of upstream', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  world.broker.fail = () =>
    new TokenError('upstream-throttled', 'IMDS says slow down', { retryAfterSeconds: 7 })
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.deepEqual(outcome.kind === 'refused' && outcome.refusal, {
    code: 'upstream-throttled',
    message: 'IMDS says slow down',
    retryAfterSeconds: 7,
  })
  assert.equal(ms, 0)
})

test('a token that never comes ends the request before the SDK of Go gives up', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  world.broker.cached = false
  world.broker.gate = (signal) =>
    new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    )
  const { outcome, ms } = await after(world.clock, world.wait())
  assert.equal(textOf(outcome), 'upstream-unavailable')
  assert.equal(ms, 55_000)
})

test('what is revoked while the token is on its way is not answered', async () => {
  const revocations: Record<string, (world: ReturnType<typeof setting>) => void> = {
    'no-binding': (world) => world.bindings.remove('default/shop-binding'),
    'identity-missing': (world) => world.identities.remove('default/shop'),
    'no-label': (world) => world.put(world.pods, makePod({ selector: '' })),
    'pod-unknown': (world) => world.pods.remove('default/shop-0'),
  }
  for (const [code, revoke] of Object.entries(revocations)) {
    const world = setting()
    world.bind()
    world.put(world.assigned, makeAssigned())
    world.broker.cached = false
    const gate = Promise.withResolvers<undefined>()
    world.broker.gate = () => gate.promise
    const wait = world.wait()
    await world.clock.advance(10)
    revoke(world)
    gate.resolve(undefined)
    assert.equal(textOf((await after(world.clock, wait)).outcome), code)
  }
})

test('an identity that changes while its token is on its way is fetched anew', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  world.broker.cached = false
  const gate = Promise.withResolvers<undefined>()
  world.broker.gate = () => gate.promise
  const wait = world.wait()
  await world.clock.advance(10)
  const recreated = makeIdentity({ clientId: clientIdOf('new'), uid: 'new' })
  world.put(world.identities, recreated)
  world.put(world.assigned, makeAssigned({ identity: recreated }))
  gate.resolve(undefined)
  const outcome = await wait
  assert.equal(outcome.kind === 'granted' && outcome.identity?.clientId, clientIdOf('new'))
  assert.equal(world.broker.requests.length, 2)
})

test('an unknown caller is waited for once', async () => {
  const world = setting()
  assert.equal(world.now(), undefined)
  assert.equal(textOf(await world.wait()), 'pod-unknown')
  assert.equal(world.settled.length, 1)
})

test("an excepted pod gets the node's own identity, chosen as it names it", () => {
  const world = setting()
  world.put(world.pods, makePod({ selector: '', labels: { app: 'mic' } }))
  world.put(world.exceptions, makeException())
  assert.equal(textOf(world.now({ ...TARGET, selector: { clientId: 'c' } })), 'token-of-node')
  world.put(world.exceptions, makeException({ podLabels: { app: 'other' } }))
  assert.equal(textOf(world.now()), 'no-label')
})

test('an exception of another namespace does not reach the pod', () => {
  const world = setting()
  world.put(world.pods, makePod({ selector: '', labels: { app: 'mic' } }))
  world.put(world.exceptions, makeException({ namespace: 'kube-system' }))
  assert.equal(textOf(world.now()), 'no-label')
})

test("MIC's own pods get the node's identity in standard mode alone", () => {
  const pod = makePod({ selector: '', replicaSet: 'mic-7d9f', namespace: 'default' })
  const standard = setting()
  standard.put(standard.pods, pod)
  assert.equal(textOf(standard.now()), 'token-of-node')
  const managed = setting({ mode: 'managed' })
  managed.put(managed.pods, pod)
  assert.equal(textOf(managed.now()), 'no-label')
  const elsewhere = setting({ micNamespace: 'kube-system' })
  elsewhere.put(elsewhere.pods, pod)
  assert.equal(textOf(elsewhere.now()), 'no-label')
})

test('managed mode needs no object of MIC and waits for nothing', async () => {
  const world = setting({ mode: 'managed' })
  world.bind(makePod({ createdAt: world.clock.now() }))
  assert.equal(textOf(world.now()), SHOP_TOKEN)
  world.bindings.remove('default/shop-binding')
  assert.equal(textOf(world.now()), 'no-binding')
  world.put(world.bindings, makeBinding())
  world.broker.fail = () => new TokenError('identity-unknown-to-imds', 'Identity not found')
  assert.equal((await after(world.clock, world.wait())).ms, 0)
})

test('a service principal with auxiliary tenants gets a token of each, the primary first', async () => {
  const world = setting()
  const identity = makeIdentity({ type: 1, resourceId: '', auxiliaryTenantIds: ['t1', 't2'] })
  world.bind()
  world.put(world.identities, identity)
  world.put(world.assigned, makeAssigned({ identity }))
  assert.equal(world.now(), undefined)
  assert.equal(textOf(await world.wait()), `${SHOP_TOKEN} ${SHOP_TOKEN}-t1 ${SHOP_TOKEN}-t2`)
})

test('a managed identity lives in one tenant whatever its object says', () => {
  const world = setting()
  world.bind()
  world.put(world.identities, makeIdentity({ auxiliaryTenantIds: ['t1'] }))
  world.put(world.assigned, makeAssigned())
  assert.equal(textOf(world.now()), SHOP_TOKEN)
})

test('an object id that is not known yet is learnt from the token of a bound identity', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  const target: TokenTarget = { ...TARGET, selector: { objectId: 'object-1' } }
  assert.equal(world.now(target), undefined)
  world.broker.gate = () => {
    world.broker.objectIds.set(clientIdOf('shop'), 'object-1')
    return Promise.resolve()
  }
  assert.equal(textOf(await world.wait(target)), SHOP_TOKEN)
  assert.equal(
    textOf(await world.wait({ ...TARGET, selector: { objectId: 'object-2' } })),
    'identity-not-bound',
  )
})

test('an object id is waited for while the identity that has it is on its way', async () => {
  const world = setting()
  world.bind()
  world.put(world.bindings, makeBinding({ name: 'z', azureIdentity: 'two' }))
  world.put(world.identities, makeIdentity({ name: 'two' }))
  world.put(world.assigned, makeAssigned())
  world.broker.objectIds.set(clientIdOf('shop'), 'object-1')
  const wait = world.wait({ ...TARGET, selector: { objectId: 'object-2' } })
  await world.clock.advance(20_000)
  world.broker.gate = () => {
    world.broker.objectIds.set(clientIdOf('two'), 'object-2')
    return Promise.resolve()
  }
  world.put(world.assigned, makeAssigned({ name: 'two', identity: makeIdentity({ name: 'two' }) }))
  const { outcome } = await after(world.clock, wait)
  assert.equal(textOf(outcome), tokenTextOf(makeIdentity({ name: 'two' })))
})

test('an object id that cannot be learnt because IMDS does not know the identity yet is asked again for, and never refused for good', async () => {
  const world = setting()
  world.bind()
  world.put(world.assigned, makeAssigned())
  const target: TokenTarget = { ...TARGET, selector: { objectId: 'object-1' } }
  const unknown = (): Promise<void> =>
    Promise.reject(new TokenError('identity-unknown-to-imds', 'not known yet'))
  let asked = 0
  world.broker.gate = () => {
    asked += 1
    if (asked < 4) return unknown()
    world.broker.objectIds.set(clientIdOf('shop'), 'object-1')
    return Promise.resolve()
  }
  const { outcome, ms } = await after(world.clock, world.wait(target))
  assert.equal(textOf(outcome), SHOP_TOKEN)
  assert.ok(ms > 0)
  world.broker.objectIds.clear()
  world.broker.gate = unknown
  const second = await after(world.clock, world.wait(target))
  assert.equal(textOf(second.outcome), 'identity-unknown-to-imds')
  world.broker.gate = () => Promise.reject(new TokenError('token-denied', 'for good'))
  assert.equal(textOf(await world.wait(target)), 'identity-not-bound')
})

test('that the first of several was taken is said once for each pod and set', () => {
  const world = setting()
  world.bind()
  world.put(world.bindings, makeBinding({ name: 'z', azureIdentity: 'two' }))
  world.put(world.identities, makeIdentity({ name: 'two' }))
  world.put(world.assigned, makeAssigned())
  for (let i = 0; i < 3; i += 1) assert.equal(textOf(world.now()), SHOP_TOKEN)
  assert.deepEqual(world.warnings, [
    { pod: 'default/shop-0', label: 'shop', identities: 'default/shop, default/two' },
  ])
  world.put(world.bindings, makeBinding({ name: 'y', azureIdentity: 'three' }))
  world.put(world.identities, makeIdentity({ name: 'three' }))
  world.now()
  assert.equal(world.warnings.length, 2)
})

test('only the waiting requests of the pod wake at an event about it', async () => {
  const world = setting()
  world.bind()
  const wait = world.wait()
  await world.clock.advance(0)
  world.assigned.put('default/x', makeAssigned())
  world.waiters.wake(podWaitKey('default/other'))
  await world.clock.advance(0)
  assert.equal(world.waiters.size, 1)
  world.waiters.wake(podWaitKey('default/shop-0'))
  assert.equal(textOf(await wait), SHOP_TOKEN)
})
