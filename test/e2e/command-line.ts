import { parseArgs } from 'node:util'
import type { Shape } from './cluster/node-config.ts'
import type { Scenario } from './scenario.ts'

export interface Order {
  readonly scenarios: readonly Scenario[]
  readonly shapes: readonly Shape[]
  /** Leaves the cluster running until Ctrl-C. */
  readonly keep: boolean
  readonly list: boolean
}

const SHAPES: readonly Shape[] = ['routed', 'bridge']

/** @throws Error that says what was not understood */
export function readOrder(argv: readonly string[], all: readonly Scenario[]): Order {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      smoke: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      shape: { type: 'string' },
    },
  })
  const shapes = values.shape === undefined ? SHAPES : SHAPES.filter((each) => each === values.shape)
  if (shapes.length === 0) throw new Error(`--shape is ${SHAPES.join(' or ')}, not ${values.shape ?? ''}`)
  for (const name of positionals)
    if (!all.some((each) => each.name.startsWith(name))) throw new Error(`no scenario is called ${name}`)
  const scenarios = all.filter(
    ({ name, smoke = false }) =>
      (positionals.length === 0 || positionals.some((each) => name.startsWith(each))) &&
      (!values.smoke || smoke),
  )
  const exploring = values.keep && positionals.length === 0
  if (scenarios.length === 0 && !exploring) throw new Error('nothing is left to run')
  return { scenarios: exploring ? [] : scenarios, shapes, keep: values.keep, list: values.list }
}
