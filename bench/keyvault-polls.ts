import { setTimeout as pause } from 'node:timers/promises'
import { type BenchOptions, type Row, round } from './figure.ts'
import { type KeyVaultRig, objectsText, type ProviderProcess, startKeyVaultRig } from './keyvault-rig.ts'

const OBJECTS = 10
/** The real process, with all times of a poll divided by this. */
const FASTER = 20
const MINUTE_MS = 60_000 / FASTER
const POLL_AGE_MS = 25_000 / FASTER

/**
 * Files that are looked after again while nothing changes: each volume once a minute, evenly spread, as kubelet does
 * it. A minute takes three seconds here, and the poll age is as much shorter.
 */
export async function keyvaultPolls({ short }: BenchOptions): Promise<Row[]> {
  const rig = await startKeyVaultRig({ identities: 10, objects: OBJECTS, latencyMs: 0 })
  try {
    const provider = await rig.start([`--poll-max-age=${POLL_AGE_MS}ms`])
    const size = short ? { pods: 50, minutes: 1 } : { pods: 250, minutes: 3 }
    return [
      await polled(rig, provider, { ...size, identities: 1, pinned: false }),
      await polled(rig, provider, { ...size, identities: 10, pinned: false }),
      await polled(rig, provider, { ...size, identities: 1, pinned: true }),
    ]
  } finally {
    await rig.close()
  }
}

interface Polling {
  readonly pods: number
  readonly identities: number
  readonly minutes: number
  readonly pinned: boolean
}

async function polled(rig: KeyVaultRig, provider: ProviderProcess, polling: Polling): Promise<Row> {
  const { pods, identities, minutes, pinned } = polling
  const { secrets } = rig.azure.state.vaults.get('bench-vault') ?? {}
  const objects = objectsText(
    OBJECTS,
    pinned ? (name) => secrets?.items.get(name)?.versions[0]?.version ?? '' : undefined,
  )
  const mounts = await Promise.all(
    Array.from({ length: pods }, async (_, index) => {
      const pod = `poll-${identities}-${pinned}-${index}`
      const identity = index % identities
      return { pod, identity, assertion: await rig.assertion(pod, identity), objects }
    }),
  )
  await Promise.all(mounts.map((each) => provider.mount(each)))
  rig.azure.journal.clear()
  const cpuBefore = provider.cpuMs()
  const started = performance.now()
  const looks: Promise<unknown>[] = []
  for (let look = 0; look < pods * minutes; look += 1) {
    const due = started + (look * MINUTE_MS) / pods
    if (due > performance.now()) await pause(due - performance.now())
    const mount = mounts[look % pods]
    if (mount !== undefined) looks.push(provider.mount(mount))
  }
  await Promise.all(looks)
  // A slow machine makes the minutes longer, and a minute's share of the requests smaller.
  const passed = (performance.now() - started) / MINUTE_MS
  const perMinute = round(rig.counts().vault / passed, 1)
  const cpuMs = round((provider.cpuMs() - cpuBefore) / looks.length)
  const old = pods * OBJECTS
  // The poll age has two and a half windows in a minute, and their edges.
  const aim = pinned ? 0 : 3 * OBJECTS * identities
  const who = identities === 1 ? 'one identity' : `${identities} identities`
  return {
    figure: `Key Vault, ${pods} pods with ${OBJECTS} ${pinned ? 'pinned ' : ''}objects looked after each minute, ${who}, nothing changed: requests to the vault a minute`,
    measured: `${perMinute} (${round(passed, 1)} minutes at ${FASTER} times the speed; ${cpuMs} ms CPU a mount; one for each pod and object, as the old provider has it, computed: ${old})`,
    aim: `<= ${aim}`,
    reached: perMinute <= aim,
    numbers: { perMinute, passed, cpuMs, old },
  }
}
