import * as v from 'valibot'
import type { DemoPod } from './place.ts'

/** One line that examples/quickstart/app.mjs prints. */
const stepLine = v.object({
  step: v.string(),
  ok: v.boolean(),
  ms: v.number(),
  audience: v.optional(v.string()),
  identity: v.optional(v.string()),
  sha256: v.optional(v.string()),
  error: v.optional(v.string()),
  message: v.optional(v.string()),
})

export type AppStep = v.InferOutput<typeof stepLine>

export interface AppRun {
  readonly exitCode: number | undefined
  readonly steps: readonly AppStep[]
  /** What it wrote to standard error. */
  readonly stderr: string
}

const DEADLINE_MS = 60_000

/** Runs the application in a pod to its end; `onStep` hears each step when it happens. */
export async function runApplication(
  pod: DemoPod,
  program: string,
  onStep: (step: AppStep) => void = () => {},
): Promise<AppRun> {
  const steps: AppStep[] = []
  const running = pod.run([process.execPath, program], {
    deadlineMs: DEADLINE_MS,
    onLine(line, stream) {
      const step = stream === 'stdout' ? parseStep(line) : undefined
      if (step === undefined) return
      steps.push(step)
      onStep(step)
    },
  })
  const { code, stderr } = await running.done
  return { exitCode: code, steps, stderr }
}

function parseStep(line: string): AppStep | undefined {
  try {
    const read = v.safeParse(stepLine, JSON.parse(line))
    return read.success ? read.output : undefined
  } catch {
    // A warning of Node or of an SDK, not one of the application's lines.
    return undefined
  }
}
