import type { Fields } from '../json.ts'
import { listAt, sameJson, textAt, withValue } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { forbiddenField } from '../validation/field-problem.ts'

const UNREACHABLE_SECONDS = 300

/** What the admission plugin DefaultTolerationSeconds adds, at creation and at every update. */
export function withDefaultTolerations(tolerations: readonly unknown[]): readonly unknown[] {
  const all = tolerations.some((each) => textAt(each, 'operator') === 'Exists' && textAt(each, 'key') === '')
  if (all) return tolerations
  const missing = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].filter(
    (key) => !tolerations.some((each) => textAt(each, 'key') === key),
  )
  const added = missing.map((key) => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: UNREACHABLE_SECONDS,
  }))
  return [...tolerations, ...added]
}

/** Tolerations may be added, and of the present ones the seconds may change. */
export function tolerationProblems(next: KubeObject, current: KubeObject): FieldProblem[] {
  const lasting = (each: unknown): unknown => withValue(each as Fields, ['tolerationSeconds'], undefined)
  const wanted = listAt(next, 'spec', 'tolerations').map(lasting)
  const kept = listAt(current, 'spec', 'tolerations').every((each) =>
    wanted.some((one) => sameJson(one, lasting(each))),
  )
  const detail = 'existing toleration can not be modified except its tolerationSeconds'
  return kept ? [] : [forbiddenField('spec.tolerations', detail)]
}
