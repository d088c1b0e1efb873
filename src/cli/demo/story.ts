import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { withDeadline } from '../../base/deadline.ts'
import { azureAssignedIdentities } from '../../kube/resources/azure-assigned-identities.ts'
import { type WatchedStore, watchStore } from '../../kube/watched-store.ts'
import type { AzureAssignedIdentity } from '../../model/resources.ts'
import { silentLog } from '../../telemetry/log.ts'
import { type AppRun, type AppStep, runApplication } from './application.ts'
import { SCALE_SET } from './azure-seed.ts'
import { applyManifest, pathOf, readManifests } from './manifests.ts'
import { must } from './must.ts'
import type { Report } from './report.ts'
import { watchFor, watchForNone } from './watch-for.ts'
import type { DemoWorld } from './world.ts'

/** Longest time for any one step of the story. */
const STEP_MS = 45_000

/**
 * What the demo tells. Every step really happens and is checked; the first that does not ends the story
 * with its error.
 */
export async function tellStory(world: DemoWorld, report: Report, stop: AbortSignal): Promise<void> {
  const { clock, rest, managed } = world
  const timed = <T>(what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    withDeadline({ clock, ms: STEP_MS, what, parent: stop }, work)
  const assigned = watchStore({ rest, spec: azureAssignedIdentities(), clock, log: silentLog })
  await assigned.start()
  try {
    await deploy({ world, report, timed, assigned })
    await twoSteps({ world, report, timed })
    await refusals({ world, report, timed })
    await revocation({ world, report, timed, assigned })
    if (!managed) {
      await report.step('the identity left the scale set with the last pod that used it', async () => {
        const left = world.scaleSet().identities
        must(!left.some((id) => id.endsWith('/shop')), `it is still on ${SCALE_SET}`)
        return `${left.length} identity is left: the cluster's own`
      })
    }
  } finally {
    await assigned.stop()
  }
}

interface Telling {
  readonly world: DemoWorld
  readonly report: Report
  readonly timed: <T>(what: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>
}

interface Watching extends Telling {
  readonly assigned: WatchedStore<AzureAssignedIdentity>
}

async function deploy({ world, report, timed, assigned }: Watching): Promise<void> {
  const { rest, kubelet, managed } = world
  report.chapter('The operator binds an identity, and the team deploys its application')
  for (const file of ['identity.yaml', 'pods.yaml']) {
    await report.step(`examples/quickstart/${file} is applied`, () =>
      timed(file, async (signal) => {
        const objects = await readManifests(join(world.examples, file))
        for (const object of objects) await applyManifest(rest, object, signal)
        return objects.map((object) => `${object.kind} ${object.metadata.name}`).join(', ')
      }),
    )
  }
  await report.step('both pods run', () =>
    timed('the pods', async (signal) => {
      const pods = [
        await kubelet.running('default/shop', signal),
        await kubelet.running('default/shop-misspelt', signal),
      ]
      return pods.map((pod) => `${pod.name} at ${pod.ip}`).join(', ')
    }),
  )
  if (managed) return
  // The application is already asking while this happens: see the first step below.
  world.startedEarly = startApplication(world, 'default/shop')
  await report.step('MIC assigns the identity to the scale set', () =>
    timed('the assignment', async (signal) => {
      const object = await watchFor(assigned.store, (each) => each.state === 'Assigned', signal)
      const { patches } = world.scaleSet()
      must(patches === 1, `${patches} PATCH requests went to ARM instead of one`)
      return `${object.name} is Assigned, with 1 ARM PATCH`
    }),
  )
}

function startApplication(world: DemoWorld, key: string): Promise<AppRun> {
  const running = world.kubelet
    .running(key, AbortSignal.timeout(STEP_MS))
    .then((pod) => runApplication(pod, join(world.examples, 'app.mjs')))
  running.catch(() => {})
  return running
}

async function twoSteps({ world, report, timed }: Telling): Promise<void> {
  report.chapter('The bound pod: an unmodified Azure SDK, no secret')
  const run = await timed(
    'the application',
    () => world.startedEarly ?? startApplication(world, 'default/shop'),
  )
  const expected = createHash('sha256').update(world.password).digest('hex')
  for (const name of ['ManagedIdentityCredential', 'DefaultAzureCredential', 'Key Vault secret']) {
    await report.step(`${name} (in the pod)`, async () => outcomeOf(run, name, expected))
  }
}

function outcomeOf(run: AppRun, name: string, expectedSha256: string): string {
  const step = run.steps.find((each) => each.step === name)
  must(step !== undefined, `the application did not come to it: ${run.stderr.slice(-400)}`)
  must(step.ok, `${step.error ?? 'error'}: ${step.message ?? ''}`)
  if (step.sha256 !== undefined) {
    must(step.sha256 === expectedSha256, 'the secret is not the one in the vault')
    return `the value in the vault, after ${step.ms} ms`
  }
  const identity = step.identity?.split('/').at(-1) ?? '?'
  return `token for ${step.audience ?? '?'} as identity ${identity}, after ${step.ms} ms`
}

async function refusals({ world, report, timed }: Telling): Promise<void> {
  report.chapter('The same application with a typing error in its label')
  let told = ''
  await report.step('it gets no token, and its SDK says why', () =>
    timed('the refusal', async () => {
      const step = refusedStep(await startApplication(world, 'default/shop-misspelt'))
      told = step.message ?? ''
      must(/Did you mean shop\?/.test(told), `the reason is missing: ${told}`)
      return `refused after ${step.ms} ms`
    }),
  )
  report.detail(shorten(told))
}

async function revocation({ world, report, timed, assigned }: Watching): Promise<void> {
  const { rest, managed } = world
  report.chapter('The operator takes the binding away')
  await report.step('AzureIdentityBinding shop is deleted', () =>
    timed('the deletion', async (signal) => {
      await rest.send('DELETE', pathOf('AzureIdentityBinding', 'default', 'shop'), { signal })
      if (managed) return ''
      await watchForNone(assigned.store, signal)
      return 'MIC removed the AzureAssignedIdentity'
    }),
  )
  let told = ''
  await report.step('the first pod is refused too', () =>
    timed('the refusal', async () => {
      const step = refusedStep(await startApplication(world, 'default/shop'))
      told = step.message ?? ''
      must(/no-binding/.test(told), `refused for another reason: ${told}`)
      return `refused after ${step.ms} ms`
    }),
  )
  report.detail(shorten(told))
}

function refusedStep(run: AppRun): AppStep {
  const step = run.steps[0]
  must(step !== undefined, `the application printed nothing: ${run.stderr.slice(-400)}`)
  must(!step.ok, 'it got a token')
  return step
}

/** The sentence of podid out of what the SDK makes of it. */
function shorten(message: string): string {
  return /Description: (.*?) - Correlation/s.exec(message)?.[1] ?? message
}
