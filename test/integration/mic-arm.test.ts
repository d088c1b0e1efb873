import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { ArmError } from '../../src/azure/arm.ts'
import { createArmBudget } from '../../src/azure/arm-budget.ts'
import { type ArmClient, createArmClient } from '../../src/azure/arm-client.ts'
import type { ArmCall } from '../../src/azure/arm-policy.ts'
import { customCloud } from '../../src/azure/clouds.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { MIC_DEFAULTS } from '../../src/mic/config.ts'
import { createProtection } from '../../src/mic/protection.ts'
import { createTerm } from '../../src/mic/term.ts'
import { World } from '../../src/mic/world.ts'
import { type ComputeGroup, parseProviderId } from '../../src/model/resource-id.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { createMicMetrics } from '../../src/telemetry/mic-metrics.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { FakeCluster } from '../fakes/fake-cluster.ts'
import { makeNode, vmId, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

/** Waits are a hundredth as long, so that pauses of seconds are part of a quick test; nothing asserts a time. */
const hasty: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 100, fire) }
const canonical = (name: string): string => identityId(name).toLowerCase()

let azure: AzureEmulator
let calls: ArmCall[]
let stop: AbortController

// Hooks of a file itself would run for every test of the process: all files share one.
describe('MIC over the emulated ARM', () => {
  beforeEach(async () => {
    calls = []
    stop = new AbortController()
    azure = await startAzureEmulator({
      seed: {
        apps: [{ clientId: clientIdOf('mic'), secret: 'pass' }],
        identities: ['a', 'b', 'c', 'theirs'].map((name) => ({
          id: identityId(name),
          clientId: clientIdOf(name),
        })),
        scaleSets: [
          { id: vmssId('pool'), systemAssigned: true, identities: [identityId('theirs')], instances: ['0'] },
        ],
        vms: [{ id: vmId('vm') }],
        settings: { vmssOperationMs: 30, vmOperationMs: 30, operationRetryAfterSeconds: 0, armLimits: false },
      },
    })
  })
  afterEach(async () => {
    stop.abort(new Error('the test is over'))
    await azure.close()
  })

  function makeArm(): ArmClient {
    const environment = { activeDirectoryEndpoint: azure.entraUrl, resourceManagerEndpoint: azure.armUrl }
    const login = { clientId: clientIdOf('mic'), objectId: '', resourceId: '' }
    return createArmClient({
      clock: hasty,
      cloud: customCloud(Buffer.from(JSON.stringify(environment))),
      credential: {
        login: () => login,
        getToken: async () => ({
          token: await azure.mint({
            principal: clientIdOf('mic'),
            audience: 'https://management.azure.com/',
          }),
          expiresOnTimestamp: systemClock.now() + 3_600_000,
        }),
      },
      budget: createArmBudget(systemClock, 10_000),
      userAgent: '',
      ca: azure.caPem,
      pollMs: 10,
      onCall: (call) => calls.push(call),
    })
  }

  const pool = (): ComputeGroup => {
    const found = parseProviderId(`azure://${vmssId('pool')}/virtualMachines/0`)?.group
    assert.ok(found !== undefined)
    return found
  }
  const adding = (name: string) => ({
    systemAssigned: true,
    add: [canonical(name)],
    remove: [],
    empties: false,
  })
  const statusesOf = (operation: ArmCall['operation']): number[] =>
    calls.filter((call) => call.operation === operation).map((call) => call.status)

  async function failureOf(work: Promise<unknown>): Promise<ArmError> {
    const [outcome] = await Promise.allSettled([work])
    assert.ok(outcome?.status === 'rejected')
    assert.ok(outcome.reason instanceof ArmError, String(outcome.reason))
    return outcome.reason
  }

  test('looks at a running operation that are throttled, fail or break off are repeated, each told for itself', async () => {
    const rule = { service: 'arm', route: 'arm.operation.*', count: 1 } as const
    azure.faults.add({ ...rule, effect: { kind: 'error', status: 429, retryAfter: '3' } })
    azure.faults.add({ ...rule, effect: { kind: 'error', status: 503 } })
    azure.faults.add({ ...rule, effect: { kind: 'reset', when: 'before' } })
    await makeArm().patchIdentities(pool(), adding('a'), stop.signal)
    assert.deepEqual(statusesOf('operation_poll').slice(0, 3), [429, 503, 0])
    assert.equal(statusesOf('vmss_update').length, 1)
  })

  test('an accepted operation whose end cannot be learnt is unknown, never refused', async () => {
    azure.faults.add({ service: 'arm', route: 'arm.operation.*', effect: { kind: 'error', status: 429 } })
    const failure = await failureOf(makeArm().patchIdentities(pool(), adding('a'), stop.signal))
    assert.equal(failure.fault, 'unavailable')
    assert.ok(failure.outcomeUnknown)
  })

  test('an operation that fails at its end tells the culprit as a refusal at once would', async () => {
    azure.control.failNextOperations(1, {
      code: 'FailedIdentityOperation',
      message: `Identity operation for resource 'x' failed. Resource '${canonical('b')}' was not found.`,
    })
    const failure = await failureOf(makeArm().patchIdentities(pool(), adding('b'), stop.signal))
    assert.equal(failure.fault, 'rejected')
    assert.match(failure.message, /userassignedidentities\/b/)
  })

  test('an operation that reports at its end that it was throttled has failed for sure', async () => {
    azure.control.failNextOperations(1, { code: 'TooManyRequests', message: 'slower' })
    const failure = await failureOf(makeArm().patchIdentities(pool(), adding('a'), stop.signal))
    assert.deepEqual([failure.fault, failure.outcomeUnknown], ['throttled', false])
  })

  test('throttling and conflicts of the PATCH itself are not tried again by the SDK', async () => {
    const arm = makeArm()
    const fault = (status: number, retryAfter?: string) =>
      azure.faults.add({
        service: 'arm',
        route: 'arm.vmss.patch',
        count: 1,
        effect: { kind: 'error', status, ...(retryAfter === undefined ? {} : { retryAfter }) },
      })
    fault(409)
    assert.equal((await failureOf(arm.patchIdentities(pool(), adding('a'), stop.signal))).fault, 'conflict')
    fault(500)
    const unknown = await failureOf(arm.patchIdentities(pool(), adding('a'), stop.signal))
    assert.ok(unknown.outcomeUnknown)
    fault(429, '7')
    const throttled = await failureOf(arm.patchIdentities(pool(), adding('a'), stop.signal))
    assert.deepEqual([throttled.fault, throttled.retryAfterMs], ['throttled', 7_000])
    assert.deepEqual(statusesOf('vmss_update'), [409, 500, 429])
    // ARM's wish holds for every call of this client, until it is over.
    const held = await failureOf(arm.getGroup(pool(), stop.signal))
    assert.equal(held.fault, 'throttled')
    assert.deepEqual(statusesOf('vmss_get'), [])
  })

  test('HTML, cut JSON and nothing at all in place of an answer are an outage, and a hanging answer ends', async () => {
    const arm = makeArm()
    for (const what of ['html', 'cut-json', 'empty', 'bytes'] as const) {
      azure.faults.add({ service: 'arm', route: 'arm.vmss.get', count: 1, effect: { kind: 'garbage', what } })
      const failure = await failureOf(arm.getGroup(pool(), stop.signal))
      assert.equal(failure.fault, 'unavailable', what)
    }
    azure.faults.add({ service: 'arm', route: 'arm.vmss.get', count: 1, effect: { kind: 'hang' } })
    const failure = await failureOf(arm.getGroup(pool(), stop.signal))
    assert.match(failure.message, /took longer than/)
  })

  test('a lost leadership ends the wait for an operation at once', async () => {
    azure.change({ vmssOperationMs: 60_000, operationRetryAfterSeconds: 60 })
    const begun = Promise.withResolvers<undefined>()
    const arm = makeArm()
    const push = calls.push.bind(calls)
    calls.push = (...items) => {
      begun.resolve(undefined)
      return push(...items)
    }
    const patching = arm.patchIdentities(pool(), adding('a'), stop.signal)
    await begun.promise
    stop.abort(new Error('no longer leading'))
    await assert.rejects(patching, /no longer leading/)
  })

  /** MIC with the real SDK: everything but the Kubernetes API is what runs in a cluster. */
  function startController() {
    const cluster = new FakeCluster(systemClock)
    const waiting = new Set<{ holds: () => boolean; resolve: (value: undefined) => void }>()
    cluster.afterWrite = () => {
      for (const each of waiting) if (each.holds()) each.resolve(undefined)
    }
    const until = async (holds: () => boolean): Promise<void> => {
      if (holds()) return
      const { promise, resolve } = Promise.withResolvers<undefined>()
      waiting.add({ holds, resolve })
      await promise
    }
    const { stores } = cluster.watch()
    const arm = makeArm()
    const term = createTerm(
      {
        config: { ...MIC_DEFAULTS, clientQps: 10_000 },
        clock: hasty,
        log: silentLog,
        metrics: createMicMetrics(createRegistry()),
        world: new World(stores),
        refresh: () => Promise.resolve(),
        arm,
        writer: cluster.writer(),
        records: cluster.ownershipRecords(),
        events: cluster.eventSink(),
        protection: createProtection({ immutable: [], clusterIdentity: () => '', login: () => arm.login() }),
      },
      stop.signal,
    )
    const ended = Promise.allSettled([term.run()])
    const bind = (name: string): void => {
      cluster.put('identities', makeIdentity({ name }))
      cluster.put('bindings', makeBinding({ name, azureIdentity: name, selector: name }))
    }
    const run = (selector: string, name = selector, nodeName = 'pool-0'): void =>
      cluster.put('pods', makePod({ name, selector, nodeName }))
    cluster.put('nodes', vmssNode('pool', 0))
    cluster.put('nodes', makeNode('vm', `azure://${vmId('vm')}`))
    return { bind, cluster, ended, run, until }
  }

  const heldBy = (id: string): string[] => [...(azure.state.computes.get(id)?.identity.user.keys() ?? [])]

  test('through the real SDK: good identities are assigned beside one that does not exist, in bodies with the identity block only', async () => {
    const { bind, cluster, run, until } = startController()
    for (const name of ['a', 'b', 'missing', 'c']) {
      bind(name)
      run(name)
    }
    run('a', 'on-vm', 'vm')
    const count = (state: string): number =>
      cluster.all('assigned').filter((each) => each.state === state).length
    await until(() => count('Assigned') === 4 && cluster.all('assigned').some((each) => each.reason !== ''))
    assert.match(
      cluster.assigned('missing-default-missing')?.message ?? '',
      /az identity create --name missing/,
    )
    assert.deepEqual(azure.journal.violations, [])
    assert.deepEqual(heldBy(vmssId('pool')).sort(), ['a', 'b', 'c', 'theirs'].map(canonical))
    assert.deepEqual(heldBy(vmId('vm')), [canonical('a')])
  })

  test('through the real SDK: an identity that was deleted while assigned does not hold up the next one', async () => {
    const { bind, cluster, run, until } = startController()
    for (const name of ['a', 'b']) bind(name)
    run('a')
    await until(() => cluster.assigned('a-default-a')?.state === 'Assigned')
    azure.control.deleteIdentity(identityId('a'))
    run('b')
    await until(() => cluster.assigned('b-default-b')?.state === 'Assigned')
    await until(() => cluster.assigned('a-default-a')?.reason === 'assignment-failed')
    assert.match(cluster.assigned('a-default-a')?.message ?? '', /does not exist on Azure/)
  })

  test('through the real SDK: the identity leaves with its last pod, what others put there and the system identity stay', async () => {
    const { bind, cluster, run, until } = startController()
    for (const name of ['a', 'theirs']) {
      bind(name)
      run(name)
    }
    await until(() => cluster.all('assigned').filter((each) => each.state === 'Assigned').length === 2)
    for (const name of ['a', 'theirs']) cluster.remove('pods', `default/${name}`)
    await until(() => cluster.all('assigned').length === 0)
    assert.deepEqual(
      heldBy(vmssId('pool')).map((id) => id.split('/').at(-1)),
      ['theirs'],
    )
    assert.deepEqual(azure.journal.violations, [])
  })
})
