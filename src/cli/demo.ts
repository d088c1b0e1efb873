import { probeNodeSandbox } from '../../emulator/node/probe.ts'
import { systemClock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { Owner } from '../base/lifecycle.ts'
import { startComponents } from './demo/components.ts'
import { keepRunning } from './demo/keep.ts'
import { keepLooking } from './demo/keyvault/keep-looking.ts'
import { createLogWatch } from './demo/keyvault/log-watch.ts'
import { tellVaultStory } from './demo/keyvault/vault-story.ts'
import { loopbackPlace } from './demo/loopback-place.ts'
import { namespacePlace } from './demo/namespace-place.ts'
import type { Place } from './demo/place.ts'
import { createReport, type Report } from './demo/report.ts'
import { tellStory } from './demo/story.ts'
import { tellTotals } from './demo/totals.ts'
import { createWorld, installCluster } from './demo/world.ts'
import { flagValues } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { DEMO_FLAGS } from './tool-flags.ts'

/** `podid demo`: exit code 0 only when every step of the story really happened. */
export async function runDemo({ command, environment, stop }: Invocation): Promise<number> {
  const flags = flagValues(command, DEMO_FLAGS, environment)
  const colour = process.stdout.isTTY && (environment['NO_COLOR'] ?? '') === ''
  const report = createReport({
    clock: systemClock,
    colour,
    write: (text) => process.stdout.write(text),
  })
  const owner = new Owner()
  try {
    return await demo({ ...flags, owner, report, stop })
  } catch (thrown) {
    // A failed step has told its error already; this names what is not a step.
    report.note(stop.aborted ? 'interrupted' : `the demo ends here: ${errorText(thrown)}`)
    return 1
  } finally {
    await owner.close()
  }
}

interface Demo {
  readonly keep: boolean
  readonly managed: boolean
  readonly keyvault: boolean
  readonly loopback: boolean
  readonly verbose: boolean
  readonly owner: Owner
  readonly report: Report
  readonly stop: AbortSignal
}

async function demo(demo: Demo): Promise<number> {
  const { keep, managed, keyvault, loopback, verbose, owner, report, stop } = demo
  report.chapter(
    `podid demo, ${managed ? 'managed' : 'standard'} mode${keyvault ? ', Key Vault volumes' : ''}`,
  )
  const place = await choosePlace(loopback, report)
  owner.own(() => place.close())
  const onProblem = (text: string): void => report.note(text)
  const admin = keep && keyvault
  const world = await createWorld({ clock: systemClock, managed, keyvault, admin, place, owner, onProblem })
  await report.step('a small Azure (Entra, IMDS, ARM, Key Vault) and a Kubernetes API run', () =>
    Promise.resolve(`${world.azure.armUrl} and ${world.kube.url}`),
  )
  await report.step('podid is installed: custom resources, roles, one node', async () => {
    const applied = await installCluster(world, stop)
    return `${applied.length} objects`
  })
  const logs = createLogWatch()
  const onLine = (component: string, line: string): void => {
    logs.hear(component, line)
    if (verbose) report.detail(`${component}| ${line}`)
  }
  await report.step(componentsReady(demo), () => startComponents({ world, owner, onLine, stop }))
  if (keyvault) {
    const volumes = await tellVaultStory({ world, report, logs, owner, stop })
    await tellTotals(world, report)
    if (keep) await keepLooking(world, volumes, report, stop)
  } else {
    await tellStory(world, report, stop)
    await tellTotals(world, report)
    if (keep) await keepRunning(world, report, stop)
  }
  return 0
}

function componentsReady({ managed, keyvault }: Pick<Demo, 'managed' | 'keyvault'>): string {
  const names = [
    ...(managed ? [] : ['podid mic']),
    'podid nmi',
    ...(keyvault ? ['podid keyvault-provider'] : []),
  ]
  return `${new Intl.ListFormat('en-GB').format(names)} ${names.length === 1 ? 'is' : 'are'} ready`
}

async function choosePlace(loopback: boolean, report: Report): Promise<Place> {
  const missing = loopback ? undefined : (await probeNodeSandbox(systemClock)).missing
  if (missing?.length === 0) {
    const place = await namespacePlace(systemClock)
    await report.step('the node and its pods are network namespaces; the redirect is real iptables', () =>
      Promise.resolve(`this machine is ${place.hostAddress}`),
    )
    return place
  }
  const reason = missing === undefined ? 'as asked for' : `missing here: ${missing.join(', ')}`
  report.note(`everything goes over loopback, without network namespaces and packet redirect (${reason})`)
  return loopbackPlace(systemClock)
}
