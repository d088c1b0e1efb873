import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fields, Log } from '../../telemetry/log.ts'
import { takeBack } from './hand-over.ts'

function build() {
  const errors: Fields[] = []
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields) => errors.push(fields),
    with: () => log,
  }
  const opened: string[] = []
  const door = (name: string, failures = 0) => {
    let left = failures
    return {
      open() {
        left -= 1
        if (left >= 0) return Promise.reject(new Error(`${name} is taken`))
        opened.push(name)
        return Promise.resolve()
      },
    }
  }
  return { errors, log, opened, door }
}

test('a part that stays with somebody else does not keep the agent from taking back the others', async () => {
  const { errors, log, opened, door } = build()
  const stop = new AbortController()
  const taken = Promise.withResolvers<undefined>()
  const doors = {
    probes: {
      open() {
        taken.resolve(undefined)
        return Promise.reject(new Error('probes are taken'))
      },
    },
    metrics: door('metrics'),
  }
  const back = takeBack({ doors, regain: () => door('socket').open(), signal: stop.signal, log })
  await taken.promise
  await new Promise((done) => setImmediate(done))
  assert.deepEqual(opened, ['metrics', 'socket'])
  // The agent is stopped while it still tries: nobody need be told.
  stop.abort(new Error('stopping'))
  await back
  assert.deepEqual(errors, [])
})

test('what cannot be taken back is told, each by its name', async () => {
  const { errors, log, opened, door } = build()
  const regain = () => Promise.reject(new Error('in use'))
  const signal = new AbortController().signal
  await takeBack({ doors: { metrics: door('metrics', 1) }, regain, signal, log })
  assert.deepEqual(opened, ['metrics'])
  assert.deepEqual(errors, [{ part: 'socket of the host door', error: 'in use' }])
})
