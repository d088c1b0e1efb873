import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import { ArmError } from '../../src/azure/arm.ts'
import { createArmBudget } from '../../src/azure/arm-budget.ts'
import { type ArmClient, createArmClient } from '../../src/azure/arm-client.ts'
import type { ArmCall } from '../../src/azure/arm-policy.ts'
import { customCloud } from '../../src/azure/clouds.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type ComputeGroup, parseManagedIdentityId, parseProviderId } from '../../src/model/resource-id.ts'
import { vmId, vmssId } from '../make/mic-world.ts'
import { clientIdOf, identityId, SUBSCRIPTION } from '../make/objects.ts'

const { signal } = new AbortController()
const canonical = (name: string): string => identityId(name).toLowerCase()

let azure: AzureEmulator
const calls: ArmCall[] = []

// Hooks of a file itself would run for every test of the process: all files share one.
describe('the ARM client', () => {
  before(async () => {
    azure = await startAzureEmulator({
      seed: {
        apps: [{ clientId: clientIdOf('mic'), secret: 'pass' }],
        identities: ['a', 'b'].map((name) => ({ id: identityId(name), clientId: clientIdOf(name) })),
        scaleSets: [{ id: vmssId('pool'), systemAssigned: true, instances: ['0'] }],
        vms: [{ id: vmId('vm'), identities: [identityId('a')] }],
        settings: { vmssOperationMs: 20, vmOperationMs: 20, operationRetryAfterSeconds: 0 },
      },
    })
  })
  after(() => azure.close())

  /**
   * The SDK itself asks the emulator; only the login is short-cut, since the process's own list of trusted
   * CAs cannot be changed while it runs.
   */
  const scopes: unknown[] = []
  function client(callsPerHour = 10_000, tokenAudience = 'https://management.core.windows.net/'): ArmClient {
    const cloud = customCloud(
      Buffer.from(
        JSON.stringify({
          activeDirectoryEndpoint: azure.entraUrl,
          resourceManagerEndpoint: azure.armUrl,
          tokenAudience,
        }),
      ),
    )
    const login = { clientId: clientIdOf('mic'), objectId: '', resourceId: '' }
    return createArmClient({
      clock: systemClock,
      cloud,
      credential: {
        login: () => login,
        async getToken(asked) {
          scopes.push(asked)
          const principal = clientIdOf('mic')
          const token = await azure.mint({ principal, audience: 'https://management.core.windows.net/' })
          return { token, expiresOnTimestamp: systemClock.now() + 3_600_000 }
        },
      },
      budget: createArmBudget(systemClock, callsPerHour),
      userAgent: 'test',
      ca: azure.caPem,
      onCall: (call) => calls.push(call),
    })
  }

  function group(provider: string): ComputeGroup {
    const found = parseProviderId(`azure://${provider}`)?.group
    assert.ok(found !== undefined)
    return found
  }
  const set = (): ComputeGroup => group(`${vmssId('pool')}/virtualMachines/0`)

  test('identities are added and removed by one merge each, and the system-assigned one stays', async () => {
    const arm = client()
    const empty = await arm.getGroup(set(), signal)
    assert.deepEqual(
      [empty.systemAssigned, empty.identities.size, empty.provisioningState],
      [true, 0, 'Succeeded'],
    )
    await arm.patchIdentities(
      set(),
      { systemAssigned: true, add: [canonical('a'), canonical('b')], remove: [], empties: false },
      signal,
    )
    const both = await arm.getGroup(set(), signal)
    assert.deepEqual([...both.identities.keys()].sort(), [canonical('a'), canonical('b')])
    assert.equal(both.identities.get(canonical('a'))?.clientId, clientIdOf('a'))
    await arm.patchIdentities(
      set(),
      { systemAssigned: true, add: [], remove: [canonical('a')], empties: false },
      signal,
    )
    assert.deepEqual([...(await arm.getGroup(set(), signal)).identities.keys()], [canonical('b')])
    await arm.patchIdentities(
      set(),
      { systemAssigned: true, add: [], remove: [canonical('b')], empties: true },
      signal,
    )
    const after = await arm.getGroup(set(), signal)
    assert.deepEqual([after.systemAssigned, after.identities.size], [true, 0])
    assert.deepEqual(azure.journal.violations, [])
  })

  test('the last identity leaves a VM that has no system-assigned one', async () => {
    const arm = client()
    const vm = group(vmId('vm'))
    await arm.patchIdentities(
      vm,
      { systemAssigned: false, add: [], remove: [canonical('a')], empties: true },
      signal,
    )
    const left = await arm.getGroup(vm, signal)
    assert.deepEqual([left.systemAssigned, left.identities.size], [false, 0])
  })

  test('a read of an identity tells its ids, and a deleted one is missing', async () => {
    const arm = client()
    const id = (name: string) => {
      const parsed = parseManagedIdentityId(identityId(name))
      assert.ok(parsed !== undefined)
      return parsed
    }
    assert.equal((await arm.getIdentity(id('a'), signal)).clientId, clientIdOf('a'))
    await assert.rejects(
      arm.getIdentity(id('gone'), signal),
      (error) => error instanceof ArmError && error.fault === 'missing',
    )
  })

  test('an identity that does not exist is a rejection that names it', async () => {
    const arm = client()
    const patch = { systemAssigned: true, add: [canonical('gone')], remove: [], empties: false }
    await assert.rejects(arm.patchIdentities(set(), patch, signal), (error) => {
      assert.ok(error instanceof ArmError)
      assert.equal(error.fault, 'rejected')
      assert.match(error.message.toLowerCase(), /userassignedidentities\/gone/)
      return true
    })
  })

  test('each exchange is told for itself, and the budget ends them', async () => {
    calls.length = 0
    const arm = client(2)
    await arm.getGroup(set(), signal)
    assert.deepEqual(
      calls.map((call) => [call.operation, call.status]),
      [['vmss_get', 200]],
    )
    assert.ok(calls.some((call) => call.remaining.length > 0))
    await arm.getGroup(set(), signal)
    await assert.rejects(
      arm.getGroup(set(), signal),
      (error) => error instanceof ArmError && error.fault === 'throttled',
    )
    assert.equal(arm.budget.remaining, 0)
  })

  test("a cloud's audience is asked for by its scope, with a slash at its end or without", async () => {
    for (const audience of ['https://management.core.windows.net', 'https://management.core.windows.net/']) {
      scopes.length = 0
      await client(10, audience).getGroup(set(), signal)
      assert.deepEqual(scopes.flat(), ['https://management.core.windows.net/.default'])
    }
  })

  test('a call ends with its signal', async () => {
    const controller = new AbortController()
    controller.abort(new Error('lost the lead'))
    await assert.rejects(client().getGroup(set(), controller.signal), /lost the lead/)
  })

  test('a scale set that is not there is missing', async () => {
    const other = group(
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/x/providers/Microsoft.Compute/virtualMachines/y`,
    )
    await assert.rejects(
      client().getGroup(other, signal),
      (error) => error instanceof ArmError && error.fault === 'missing',
    )
  })
})
