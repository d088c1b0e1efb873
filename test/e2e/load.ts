/** Pods that ask for tokens all the time, and what became of their requests. */
import assert from 'node:assert/strict'
import type { AppPod } from './app-pod.ts'
import type { Identity, Place } from './place.ts'

/** As often as the least patient of Azure's SDKs. */
const RETRIES = 3

export interface LoadFigures {
  readonly requests: number
  /** Single tries that got no token. */
  readonly failedTries: number
  /** Requests that got no token with all their retries. */
  readonly failed: number
  /** What failed tries ended with, and how often. */
  readonly causes: ReadonlyMap<string, number>
  readonly slowestMs: number
  /** Tokens of another identity, before the time from which there may be none. */
  readonly foreign: number
}

export interface LoadOptions {
  readonly name: string
  readonly identity: Identity
  /** Requests a second. */
  readonly rate: number
  readonly node?: string
}

/** Starts a pod that asks until `endLoad`; resolves when it has had its first token. */
export async function startLoad(place: Place, { name, identity, rate, node }: LoadOptions): Promise<AppPod> {
  const pod = await place.startPod(name, {
    selector: identity.name,
    command: ['load', `-rate=${rate}`, '-seconds=0', `-retries=${RETRIES}`],
    // A pod that a drain or a lost node takes along would lose its log.
    spec: { restartPolicy: 'Never' },
    ...(node === undefined ? {} : { node }),
  })
  await pod.running()
  return pod
}

/**
 * Ends the load in order and counts; every token that came after `strictFromMs` must be of that identity.
 * @throws AssertionError
 */
export async function endLoad(
  pod: AppPod,
  { clientId }: Identity,
  strictFromMs = -Infinity,
): Promise<LoadFigures> {
  await pod.exec('/app', 'end').catch((thrown: unknown) => {
    // The main program may be gone first, and takes what runs beside it along.
    if (!String(thrown).includes('exit code 137')) throw thrown
  })
  await pod.succeeded()
  const answers = await pod.answers()
  const causes = new Map<string, number>()
  let failedTries = 0
  let failed = 0
  let foreign = 0
  for (const { at, status, body, error, failed: earlier = [] } of answers) {
    const last = status === 200 ? [] : [`${status} ${error ?? JSON.stringify(body)}`]
    if (status !== 200) failed += 1
    else if (Date.parse(at) > strictFromMs) assert.equal(ownerOf(body), clientId)
    else if (ownerOf(body) !== clientId) foreign += 1
    for (const each of [...earlier.map((tried) => tried.cause), ...last]) {
      failedTries += 1
      const cause = causeOf(each)
      causes.set(cause, (causes.get(cause) ?? 0) + 1)
    }
  }
  return {
    requests: answers.length,
    failedTries,
    failed,
    causes,
    slowestMs: Math.max(0, ...answers.map(({ ms }) => ms)),
    foreign,
  }
}

function ownerOf(body: unknown): string {
  return (body as { client_id: string }).client_id
}

/** The words that do not differ from request to request. */
function causeOf(text: string): string {
  return text.replace(/Get "[^"]*": /, '').replace(/\d+\.\d+\.\d+\.\d+:\d+(->)?/g, '')
}

export function sumLoads(all: readonly LoadFigures[]): LoadFigures {
  const causes = new Map<string, number>()
  for (const each of all)
    for (const [cause, count] of each.causes) causes.set(cause, (causes.get(cause) ?? 0) + count)
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    failedTries: all.reduce((sum, { failedTries }) => sum + failedTries, 0),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    causes,
    slowestMs: Math.max(...all.map(({ slowestMs }) => slowestMs)),
    foreign: all.reduce((sum, { foreign }) => sum + foreign, 0),
  }
}

export function toldLoad({ requests, failedTries, failed, causes, slowestMs, foreign }: LoadFigures): string {
  const list = [...causes].map(([cause, count]) => `${count} x ${cause}`).join('; ')
  const details = list === '' ? '' : ` (${list})`
  return `${requests} requests: ${failedTries} tries failed${details}, ${failed} requests failed after retries, slowest try ${slowestMs.toFixed(0)} ms${foreign === 0 ? '' : `, ${foreign} tokens of another identity`}`
}
