import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyVaultClient } from '../../src/azure/key-vault-client.ts'
import { VaultError } from '../../src/azure/vault-error.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SecretString } from '../../src/base/secret.ts'
import { createVaultReader } from '../../src/keyvault/vault/shared-reads.ts'
import type { ReadContext } from '../../src/keyvault/vault/vault-reader.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { textOf } from '../fakes/scripted-vault.ts'
import { CLIENT, SEED, withEmulator } from './emulator-azure-world.ts'

const never = new AbortController().signal

const VAULTS = [
  {
    name: 'shopvault',
    secrets: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`s-${n}`, `value ${n}`])),
    access: [{ principal: CLIENT, secrets: ['get', 'list'] }],
  },
]

test('a node of a hundred pods reads ten secrets of one identity by at most two requests each; then by none; then without the vault', async () => {
  await withEmulator(
    async (emulator) => {
      // Time stands still for what is cached; the client's own deadlines run by the machine's clock.
      const clock = new FakeClock()
      const client = createKeyVaultClient({ clock: systemClock, ca: emulator.caPem })
      const reader = createVaultReader(
        { retries: 0 },
        { clock, client, observe: { request: () => {}, read: () => {} } },
      )
      const token = new SecretString(
        await emulator.mint({ principal: CLIENT, audience: 'https://vault.azure.net' }),
      )
      const context = (pod: number, more: Partial<ReadContext> = {}): ReadContext => ({
        origin: emulator.vaultAddress,
        token,
        reader: 'shop',
        pod: `shop/pod-${pod}`,
        freshness: 'now',
        lastKnownGoodMs: 60_000,
        ...more,
      })
      const readAll = async (more: Partial<ReadContext> = {}): Promise<void> => {
        const reads = Array.from({ length: 100 }, (_, pod) =>
          Array.from({ length: 10 }, async (__, n) => {
            const wanted = { shelf: 'secrets', name: `s-${n}`, version: '' } as const
            const { value } = await reader.object(context(pod, more), wanted, never)
            assert.equal(textOf(value), `value ${n}`)
          }),
        )
        await Promise.all(reads.flat())
      }
      await readAll()
      const { length: first } = emulator.journal.requests
      assert.ok(first <= 20, String(first))
      await readAll({ freshness: 'poll' })
      assert.equal(emulator.journal.requests.length, first)
      emulator.faults.add({ service: 'vault', effect: { kind: 'error', status: 503 } })
      await readAll()
      emulator.faults.clear()
      emulator.state.vaults.clear()
      emulator.plant({ vaults: [{ name: 'shopvault', secrets: { 's-0': 'new' }, access: [] }] })
      const wanted = { shelf: 'secrets', name: 's-0', version: '' } as const
      for (const freshness of ['now', 'poll'] as const) {
        await assert.rejects(
          reader.object(context(0, { freshness }), wanted, never),
          (thrown) => thrown instanceof VaultError && thrown.kind === 'forbidden',
        )
      }
      assert.deepEqual(emulator.journal.violations, [])
      reader.stop()
      client.close()
    },
    { seed: { ...SEED, vaults: VAULTS } },
  )
})
