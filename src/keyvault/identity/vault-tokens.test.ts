import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import {
  makeAssertion,
  makeIssued,
  makeJwt,
  podLogin,
  secretLogin,
  vmLogin,
  workloadLogin,
} from '../../../test/make/logins.ts'
import { clientIdOf, TENANT } from '../../../test/make/objects.ts'
import type { EntraRequest } from '../../azure/entra-client.ts'
import type { IssuedToken } from '../../azure/token-answer.ts'
import { UpstreamError } from '../../azure/upstream-error.ts'
import { SecretString } from '../../base/secret.ts'
import { MountFailure } from '../mount-failure.ts'
import type { PodIdentityRequest } from './pod-identity.ts'
import { createVaultTokens } from './vault-tokens.ts'

const never = new AbortController().signal
const CLIENT = clientIdOf('shop')
const OBJECT = 'd0d0d0d0-0000-4000-8000-000000000001'

/** Everything around the tokens; each answer of Entra is another token, and `fail` has it refuse. */
function start(options: { maxEntries?: number } = {}) {
  const clock = new FakeClock()
  const world = {
    clock,
    entra: [] as EntraRequest[],
    imds: 0,
    pods: [] as PodIdentityRequest[],
    lifetimeSeconds: 3_600,
    fail: undefined as Error | undefined,
    gate: undefined as Promise<unknown> | undefined,
    running: 0,
    most: 0,
    podToken: makeJwt({ oid: OBJECT, tid: TENANT }),
    authority: 'imds',
  }
  const issue = (n: number): IssuedToken =>
    makeIssued({
      text: makeJwt({ oid: OBJECT, tid: TENANT, uti: n }),
      nowMs: clock.now(),
      lifetimeSeconds: world.lifetimeSeconds,
    })
  const tokens = createVaultTokens(
    {
      clock,
      entra: {
        async token(request, signal) {
          world.entra.push(request)
          world.running += 1
          world.most = Math.max(world.most, world.running)
          try {
            const left = Promise.withResolvers<never>()
            signal.addEventListener('abort', () => left.reject(signal.reason as Error), { once: true })
            await Promise.race([world.gate, left.promise])
            if (world.fail !== undefined) throw world.fail
            return issue(world.entra.length)
          } finally {
            world.running -= 1
          }
        },
      },
      imds: {
        token() {
          world.imds += 1
          return Promise.resolve(issue(world.imds))
        },
      },
      podIdentity: {
        async token(request) {
          world.pods.push(request)
          await world.gate
          if (world.fail !== undefined) throw world.fail
          const issued = makeIssued({ text: world.podToken, nowMs: clock.now() })
          return { issued, clientId: CLIENT, authority: world.authority }
        },
      },
    },
    options,
  )
  return { world, tokens, clock }
}

const refusal = (retryAfterSeconds?: number, aadsts?: number) =>
  new UpstreamError(retryAfterSeconds === undefined ? 'denied' : 'throttled', 'Entra says no', {
    retryAfterSeconds,
    aadsts,
  })

test('a token is kept while more than five minutes of its life are left', async () => {
  const { world, tokens, clock } = start()
  const login = workloadLogin()
  const first = await tokens.token(login, never)
  await clock.advance(54.9 * 60_000)
  assert.equal(await tokens.token({ ...login }, never), first)
  await clock.advance(0.2 * 60_000)
  assert.notEqual(await tokens.token(login, never), first)
  assert.equal(world.entra.length, 2)
})

test('a token that lives less than ten minutes is kept for half of its life', async () => {
  const { world, tokens, clock } = start()
  world.lifetimeSeconds = 240
  await tokens.token(workloadLogin(), never)
  await clock.advance(119_000)
  await tokens.token(workloadLogin(), never)
  assert.equal(world.entra.length, 1)
  await clock.advance(2_000)
  await tokens.token(workloadLogin(), never)
  assert.equal(world.entra.length, 2)
})

test('a token is given to those alone who show the same credential for the same client and resource', async () => {
  const { world, tokens } = start()
  const logins = [
    workloadLogin(),
    workloadLogin({ assertion: makeAssertion('pod-1') }),
    workloadLogin({ clientId: clientIdOf('other') }),
    workloadLogin({ tenantId: '11111111-0000-4000-8000-000000000001' }),
    workloadLogin({ loginOrigin: 'https://login.microsoftonline.us' }),
    workloadLogin({ resource: 'https://vault.azure.cn' }),
    secretLogin(),
    secretLogin({ secret: new SecretString('another') }),
  ]
  for (const login of logins) await tokens.token(login, never)
  assert.equal(world.entra.length, logins.length)
  for (const login of logins) await tokens.token(login, never)
  assert.equal(world.entra.length, logins.length)
  await tokens.token(vmLogin(), never)
  await tokens.token(vmLogin(CLIENT), never)
  await tokens.token(vmLogin(CLIENT.toUpperCase()), never)
  assert.equal(world.imds, 2)
})

test('pods that want one token at one time cause one exchange, and one that leaves does not end it', async () => {
  const { world, tokens } = start()
  const gate = Promise.withResolvers<undefined>()
  world.gate = gate.promise
  const leaving = new AbortController()
  const left = assert.rejects(tokens.token(workloadLogin(), leaving.signal), /left/)
  const asked = Array.from({ length: 50 }, () => tokens.token(workloadLogin(), never))
  leaving.abort(new Error('left'))
  await left
  gate.resolve(undefined)
  assert.equal(new Set(await Promise.all(asked)).size, 1)
  assert.equal(world.entra.length, 1)
})

test('when the last one leaves the exchange ends, and the next one begins another', async () => {
  const { world, tokens, clock } = start()
  world.gate = new Promise(() => {})
  const leaving = new AbortController()
  const left = assert.rejects(tokens.token(workloadLogin(), leaving.signal), /left/)
  await clock.advance(0)
  leaving.abort(new Error('left'))
  await left
  await clock.advance(0)
  assert.equal(world.running, 0)
  world.gate = undefined
  await tokens.token(workloadLogin(), never)
  assert.equal(world.entra.length, 2)
  assert.equal(clock.timers, 0)
})

test('250 pods of one broken federation ask Entra a few times and are all told the same', async () => {
  const { world, tokens, clock } = start()
  world.fail = refusal(undefined, 700213)
  const mountAll = () =>
    Promise.all(
      Array.from({ length: 250 }, async (_, n) => {
        const login = workloadLogin({ assertion: makeAssertion(`pod-${n}`) })
        const thrown: unknown = await tokens.token(login, never).catch((reason: unknown) => reason)
        assert.ok(thrown instanceof MountFailure)
        assert.equal(thrown.code, 'identity-refused')
        return thrown.message
      }),
    )
  const mounts = mountAll()
  await clock.advance(4_000)
  assert.equal(new Set(await mounts).size, 1)
  assert.ok(world.entra.length <= 4, String(world.entra.length))
  const before = world.entra.length
  await clock.advance(900)
  await mountAll()
  assert.equal(world.entra.length, before)
  await clock.advance(30_000)
  world.fail = undefined
  const token = await tokens.token(workloadLogin(), never)
  assert.equal(token.objectId, OBJECT)
})

test('a refusal of one assertion is not held against the next one of the service account', async () => {
  const { world, tokens } = start()
  world.fail = refusal(undefined, 700024)
  const login = workloadLogin()
  await assert.rejects(tokens.token(login, never))
  await assert.rejects(tokens.token(login, never))
  assert.equal(world.entra.length, 1)
  world.fail = undefined
  await tokens.token(workloadLogin({ assertion: makeAssertion('pod-0-later') }), never)
  assert.equal(world.entra.length, 2)
})

test('Entra is not asked before the time that it names', async () => {
  const { world, tokens, clock } = start()
  world.fail = refusal(120)
  await assert.rejects(tokens.token(secretLogin(), never), /Entra says no/)
  await clock.advance(119_000)
  await assert.rejects(tokens.token(secretLogin(), never), /Entra says no/)
  assert.equal(world.entra.length, 1)
  // Of another client nothing was said.
  world.fail = undefined
  await tokens.token(secretLogin({ clientId: clientIdOf('other') }), never)
  await clock.advance(2_000)
  await tokens.token(secretLogin(), never)
  assert.equal(world.entra.length, 3)
})

test('while Entra is away a token that still lives is given, until its last minute', async () => {
  const { world, tokens, clock } = start()
  const first = await tokens.token(secretLogin(), never)
  world.fail = new UpstreamError('unavailable', 'Entra did not answer')
  await clock.advance(57 * 60_000)
  assert.equal(await tokens.token(secretLogin(), never), first)
  assert.equal(world.entra.length, 2)
  await clock.advance(2.5 * 60_000)
  await assert.rejects(tokens.token(secretLogin(), never), /did not answer/)
  world.fail = refusal()
  await clock.advance(60_000)
  await assert.rejects(tokens.token(secretLogin(), never), /says no/)
})

test('at most sixteen exchanges run at once, four of them for one client', async () => {
  const { world, tokens, clock } = start()
  const gate = Promise.withResolvers<undefined>()
  world.gate = gate.promise
  const one = Array.from({ length: 10 }, (_, n) =>
    tokens.token(workloadLogin({ assertion: makeAssertion(`pod-${n}`) }), never),
  )
  await clock.advance(0)
  assert.equal(world.running, 4)
  const others = Array.from({ length: 40 }, (_, n) =>
    tokens.token(workloadLogin({ clientId: clientIdOf(`app-${n}`) }), never),
  )
  await clock.advance(0)
  assert.equal(world.running, 16)
  gate.resolve(undefined)
  await clock.advance(5_000)
  await Promise.all([...one, ...others])
  assert.equal(world.most, 16)
})

test('a login that finds no turn, or takes too long, passes', async () => {
  const { world, tokens, clock } = start()
  world.gate = new Promise(() => {})
  const asked = Array.from({ length: 5 }, (_, n) =>
    tokens
      .token(workloadLogin({ assertion: makeAssertion(`pod-${n}`) }), never)
      .catch((thrown: unknown) => thrown),
  )
  await clock.advance(45_000)
  const failures = await Promise.all(asked)
  for (const failure of failures) {
    assert.ok(failure instanceof MountFailure)
    assert.equal(failure.code, 'identity-unavailable')
  }
  assert.deepEqual(
    new Set(failures.map((each) => (each as Error).message)),
    new Set(['the login took longer than 45000 ms', 'too many logins of this node are under way']),
  )
  assert.equal(clock.timers, 0)
})

test('a token that the vault refused is not given again, and one that came meanwhile stays', async () => {
  const { world, tokens } = start()
  const login = workloadLogin()
  const first = await tokens.token(login, never)
  tokens.refused(login, first)
  const second = await tokens.token(login, never)
  assert.notEqual(second.value.reveal(), first.value.reveal())
  tokens.refused(login, first)
  assert.equal(await tokens.token(login, never), second)
  assert.equal(world.entra.length, 2)
})

test('NMI is asked for each mount, once for those of one pod at one time, and decides each time anew', async () => {
  const { world, tokens } = start()
  await Promise.all([tokens.token(podLogin(), never), tokens.token(podLogin(), never)])
  assert.equal(world.pods.length, 1)
  await tokens.token(podLogin(), never)
  await tokens.token(podLogin('shop-1'), never)
  await tokens.token(podLogin('shop-0', 'other'), never)
  assert.equal(world.pods.length, 4)
  world.fail = new MountFailure('identity-refused', 'nmi response failed with status code: 403')
  await assert.rejects(tokens.token(podLogin(), never), /403/)
  await assert.rejects(tokens.token(podLogin(), never), /403/)
  assert.equal(world.pods.length, 6)
})

test('requests that NMI holds keep nobody else waiting', async () => {
  const { world, tokens, clock } = start()
  const gate = Promise.withResolvers<undefined>()
  world.gate = gate.promise
  const held = Array.from({ length: 250 }, (_, n) => tokens.token(podLogin(`shop-${n}`), never))
  await clock.advance(50_000)
  assert.equal(world.pods.length, 250)
  world.gate = undefined
  await tokens.token(workloadLogin(), never)
  gate.resolve(undefined)
  await Promise.all(held)
})

test('NMI hears which token the vault refused, until it gives another one', async () => {
  const { world, tokens } = start()
  const first = await tokens.token(podLogin(), never)
  tokens.refused(podLogin(), first)
  await tokens.token(podLogin(), never)
  await tokens.token(podLogin('shop-1'), never)
  world.podToken = 'another'
  await tokens.token(podLogin(), never)
  await tokens.token(podLogin(), never)
  const told = world.pods.map(({ refusedTokenSha256 }) => refusedTokenSha256?.length)
  assert.deepEqual(told, [undefined, 64, undefined, 64, undefined])
})

test('readers of a pod identity are told by who made the token, or by the token where that is not known', async () => {
  const { world, tokens } = start()
  const reader = async () => (await tokens.token(podLogin(), never)).reader
  assert.equal(await reader(), JSON.stringify(['nmi imds', TENANT, OBJECT]))
  world.authority = 'https://login.evil.example'
  assert.equal(await reader(), JSON.stringify(['nmi https://login.evil.example', TENANT, OBJECT]))
  world.authority = ''
  assert.match(await reader(), /^\["token",/)
  const { reader: direct } = await tokens.token(vmLogin(), never)
  assert.equal(direct, JSON.stringify(['imds', TENANT, OBJECT]))
})

test('only so many tokens are kept, the latest used ones', async () => {
  const { world, tokens } = start({ maxEntries: 3 })
  const login = (n: number) => workloadLogin({ clientId: clientIdOf(`app-${n}`) })
  for (const n of [1, 2, 3]) await tokens.token(login(n), never)
  await tokens.token(login(1), never)
  await tokens.token(login(4), never)
  assert.equal(world.entra.length, 4)
  await tokens.token(login(1), never)
  assert.equal(world.entra.length, 4)
  await tokens.token(login(2), never)
  assert.equal(world.entra.length, 5)
})

test('a stop ends what is under way', async () => {
  const { world, tokens, clock } = start()
  world.gate = new Promise(() => {})
  const ended = assert.rejects(tokens.token(workloadLogin(), never), /the provider is stopping/)
  await clock.advance(0)
  tokens.stop()
  await ended
  assert.equal(clock.timers, 0)
})
