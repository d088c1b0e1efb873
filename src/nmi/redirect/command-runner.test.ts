import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { systemClock } from '../../base/clock.ts'
import { CommandError, createCommandRunner } from './command-runner.ts'

const run = createCommandRunner(systemClock)
const node = process.execPath

test('a program gets its arguments and its input as they are, and its status is a result', async () => {
  const script =
    'process.stdin.on("data", (d) => { console.log(d + process.argv[1]); console.error("why"); process.exitCode = 3 })'
  const result = await run({ file: node, args: ['-e', script, '$(id); "x"'], stdin: 'in:' })
  assert.deepEqual(result, { code: 3, lines: ['in:$(id); "x"'], stderr: 'why' })
})

test('only wanted lines are kept, and too much of them is an error', async () => {
  const script = 'for (let i = 0; i < 200000; i += 1) console.log("-A CHAIN-" + i)'
  const few = await run({ file: node, args: ['-e', script], keepLine: (line) => line.endsWith('-777') })
  assert.deepEqual(few.lines, ['-A CHAIN-777'])
  await assert.rejects(run({ file: node, args: ['-e', script] }), /more than 1048576 characters/)
})

test('a program that is not installed is told from one that fails', async () => {
  await assert.rejects(
    run({ file: 'podid-no-such-program', args: [] }),
    (thrown) => thrown instanceof CommandError && thrown.missing && /is not installed/.test(thrown.message),
  )
})

test('a program that hangs is ended by its deadline', async () => {
  const clock = new FakeClock()
  const hanging = createCommandRunner(clock)({ file: node, args: ['-e', 'setInterval(() => {}, 1000)'] })
  hanging.catch(() => {})
  await clock.advance(20_000)
  await assert.rejects(hanging, /took longer than 20000 ms/)
})
