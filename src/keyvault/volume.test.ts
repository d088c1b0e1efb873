import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificateSecret, wantedSecret } from '../../test/make/vault-objects.ts'
import { createLog } from '../telemetry/log.ts'
import type { MountOrder } from './mount-order.ts'
import { renderVolume } from './volume.ts'

const PFX = certificateSecret('MII=', 'application/x-pkcs12')
const KILOBYTE = 'x'.repeat(1_000)

/** A volume of three certificates; each opening is noted. */
function render(options: { maxAnswerBytes?: number; signal?: AbortSignal } = {}) {
  const happened: string[] = []
  const openPfx = () => {
    happened.push('opened')
    return Promise.resolve({ certificates: '', keys: '', combined: KILOBYTE })
  }
  const objects = ['a', 'b', 'c'].map(wantedSecret)
  const order = {
    pod: { namespace: 'shop', name: 'web', serviceAccount: 'web' },
    vault: { name: 'shop', origin: 'https://shop.vault.azure.net' },
    objects,
  } as unknown as MountOrder
  const volume = renderVolume(
    order,
    objects.map((each) => ({ wanted: each, versions: [PFX] })),
    {
      settings: { constructPemChain: true, separateFiles: false },
      pfx: { ofMount: () => openPfx },
      maxAnswerBytes: options.maxAnswerBytes ?? 1_000_000,
      log: createLog({ verbosity: 0, format: 'text', component: 'test', write: () => {} }),
    },
    options.signal ?? new AbortController().signal,
  )
  return { happened, volume }
}

test('between two objects others have their turn', async () => {
  const { happened, volume } = render()
  const other = (): void => {
    happened.push('other')
    if (happened.length < 6) setImmediate(other)
  }
  setImmediate(other)
  assert.equal((await volume).files.length, 3)
  const first = happened.indexOf('other')
  assert.ok(first >= 0 && first < happened.lastIndexOf('opened'), happened.join())
})

test('a mount that ends opens no further object', async () => {
  const controller = new AbortController()
  const { happened, volume } = render({ signal: controller.signal })
  controller.abort(new Error('the time is up'))
  await assert.rejects(volume, /the time is up/)
  assert.deepEqual(happened, [])
})

test('what is beyond the size of the answer is not made', async () => {
  const { happened, volume } = render({ maxAnswerBytes: 1_500 })
  await assert.rejects(volume, { code: 'answer-too-large', message: /larger than the 1500 bytes .* with b$/ })
  assert.equal(happened.length, 2)
})
