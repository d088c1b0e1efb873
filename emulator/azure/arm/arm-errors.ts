import { Refused, type Reply } from '../http/exchange.ts'

export interface ArmProblem {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly target?: string
  readonly details?: readonly unknown[]
  readonly innererror?: unknown
}

/** The error document of ARM and its providers. */
export function armReply(problem: ArmProblem, headers: Readonly<Record<string, string>> = {}): Reply {
  const { status, ...error } = problem
  return { status, headers, body: { error } }
}

export function refuseArm(problem: ArmProblem, headers?: Readonly<Record<string, string>>): never {
  throw new Refused(armReply(problem, headers), problem.code)
}

export function resourceNotFound(type: string, name: string, group: string): ArmProblem {
  const message = `The Resource '${type}/${name}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`
  return { status: 404, code: 'ResourceNotFound', message }
}
