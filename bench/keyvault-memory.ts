import { setTimeout as pause } from 'node:timers/promises'
import { type BenchOptions, type Row, round } from './figure.ts'
import { type KeyVaultRig, objectsText, type ProviderProcess, startKeyVaultRig } from './keyvault-rig.ts'

const PODS = 250
const IDENTITIES = 10
const OBJECTS = 10
const AT_ONCE = 16

/** What the provider takes on a node, idle and after so many mounts of pods that come and go. */
export async function keyvaultMemory({ short }: BenchOptions): Promise<Row[]> {
  const [some, many] = short ? [80, 400] : [2_000, 10_000]
  const rig = await startKeyVaultRig({ identities: IDENTITIES, objects: OBJECTS, latencyMs: 0 })
  try {
    const provider = await rig.start(['--vault-requests-per-second=10000'])
    // What the start left behind is collected.
    await pause(1_000)
    const idle = provider.rss()
    const assertions = await Promise.all(
      Array.from({ length: PODS }, (_, pod) => rig.assertion(`pod-${pod}`, pod % IDENTITIES)),
    )
    await mounts(provider, assertions, 0, some)
    const early = provider.rss()
    const cpuBefore = provider.cpuMs()
    const started = performance.now()
    await mounts(provider, assertions, some, many)
    const seconds = (performance.now() - started) / 1_000
    const late = provider.rss()
    const cpuMs = round((provider.cpuMs() - cpuBefore) / (many - some))
    return rowsOf({ some, many, idle, early, late, cpuMs, perSecond: (many - some) / seconds }, rig)
  } finally {
    await rig.close()
  }
}

/** Each fills another volume, so each one asks the vault. */
async function mounts(
  provider: ProviderProcess,
  assertions: readonly string[],
  from: number,
  until: number,
): Promise<void> {
  const objects = objectsText(OBJECTS)
  let next = from
  const worker = async (): Promise<void> => {
    while (next < until) {
      const index = next
      next += 1
      const pod = index % PODS
      const assertion = assertions[pod] ?? ''
      await provider.mount({
        pod: `pod-${pod}`,
        identity: pod % IDENTITIES,
        assertion,
        objects,
        target: `volume-${index}`,
      })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

interface Measured {
  readonly some: number
  readonly many: number
  readonly idle: number
  readonly early: number
  readonly late: number
  readonly cpuMs: number
  readonly perSecond: number
}

function rowsOf(measured: Measured, rig: KeyVaultRig): Row[] {
  const { some, many, idle, early, late, cpuMs, perSecond } = measured
  const numbers = { ...measured, vault: rig.counts().vault }
  const growth = round(late / early)
  return [
    {
      figure: 'Key Vault provider, idle: RSS of the bundle',
      measured: `${round(idle, 1)} MB`,
      aim: '< 80 MB',
      reached: idle < 80,
      numbers,
    },
    {
      figure: `Key Vault provider, RSS after ${many} first mounts of ${OBJECTS} objects against after ${some}`,
      measured: `${growth} (${round(late, 1)} MB against ${round(early, 1)} MB)`,
      aim: '<= 1.1',
      reached: growth <= 1.1,
      numbers,
    },
    {
      figure: `Key Vault provider, CPU of one first mount of ${OBJECTS} objects`,
      measured: `${cpuMs} ms (${round(perSecond, 0)} mounts/s, ${AT_ONCE} at once, beside the emulated vault)`,
      aim: 'none, to compare',
      reached: true,
      numbers,
    },
  ]
}
