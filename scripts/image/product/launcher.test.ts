import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from 'node:vm'
import { launcherText } from './launcher.ts'

test('a component with flags replaces the process by Node with those flags, its arguments and its environment', () => {
  const calls: unknown[][] = []
  const process = {
    argv: ['/usr/bin/node', '/usr/bin/podid', 'nmi', '--node=one two', '--v=4'],
    execPath: '/usr/bin/node',
    env: { HOME: '/' },
    execve: (...args: unknown[]) => calls.push(args),
  }
  const text = launcherText({ nmi: ['--flag=1', '--other'], mic: ['--third'] })
  assert.ok(text.startsWith('#!/usr/bin/node\n'))
  new Script(text).runInNewContext({ process })
  // Arrays of another context are not equal to ours.
  const argv = [
    '/usr/bin/node',
    '--flag=1',
    '--other',
    '/usr/lib/podid/dist/podid.js',
    'nmi',
    '--node=one two',
    '--v=4',
  ]
  assert.deepEqual(structuredClone(calls), [['/usr/bin/node', argv, { HOME: '/' }]])
})
