import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../../base/errors.ts'
import { chooseBackend, installedBackends, readRules, writeRules } from './backend.ts'
import { type Command, CommandError, type CommandRunner } from './command-runner.ts'

/** Programs that print fixed lines; any other is not installed. */
function programs(outputs: Readonly<Record<string, readonly string[]>>, ran: Command[] = []): CommandRunner {
  return (command) => {
    ran.push(command)
    const version = command.args.includes('--version')
    const lines = outputs[command.file]
    if (lines === undefined) {
      const cause = Object.assign(new Error('spawn'), { code: 'ENOENT' })
      return Promise.reject(new CommandError(command.file, cause))
    }
    const kept = version ? lines : lines.filter((line) => command.keepLine?.(line) ?? true)
    return Promise.resolve({ code: 0, lines: kept, stderr: '' })
  }
}

function both(nft: readonly string[], legacy: readonly string[]): CommandRunner {
  return programs({
    'iptables-nft-save': nft,
    'iptables-nft-restore': [],
    'iptables-legacy-save': legacy,
    'iptables-legacy-restore': [],
  })
}

const RULE = '-A FORWARD -j ACCEPT'

test('with both installed and neither in use, nft is written', async () => {
  assert.equal((await chooseBackend(both([], []), 'auto')).kind, 'nft')
})

test('with both installed, the one with more rules is written', async () => {
  assert.equal((await chooseBackend(both([RULE], [RULE, RULE]), 'auto')).kind, 'legacy')
  assert.equal((await chooseBackend(both([RULE, RULE], [RULE]), 'auto')).kind, 'nft')
})

test('the mark of kubelet counts more than any number of rules', async () => {
  const marked = [':KUBE-IPTABLES-HINT - [0:0]']
  assert.equal((await chooseBackend(both([RULE, RULE], marked), 'auto')).kind, 'legacy')
})

test('a choice of the operator is not questioned', async () => {
  assert.equal((await chooseBackend(both([RULE], []), 'legacy')).kind, 'legacy')
})

test('a lone program without the name of its backend is asked for it', async () => {
  const lone = (version: string): CommandRunner =>
    programs({ 'iptables-save': [], 'iptables-restore': [version] })
  assert.deepEqual(
    (await installedBackends(lone('iptables-restore v1.8.9 (nf_tables)'))).map(({ kind }) => kind),
    ['nft'],
  )
  assert.deepEqual(
    (await installedBackends(lone('iptables-restore v1.6.1'))).map(({ kind, saveProgram }) => [
      kind,
      saveProgram,
    ]),
    [['legacy', 'iptables-save']],
  )
})

test('without any iptables, or without the wanted one, the operator is told', async () => {
  const isOperatorError = (thrown: unknown): boolean => thrown instanceof OperatorError
  await assert.rejects(chooseBackend(programs({}), 'auto'), isOperatorError)
  const onlyNft = programs({ 'iptables-nft-save': [], 'iptables-nft-restore': [] })
  await assert.rejects(chooseBackend(onlyNft, 'legacy'), isOperatorError)
})

test('rules are written without flushing, waiting for the lock, by one call', async () => {
  const ran: Command[] = []
  const run = programs({ 'iptables-nft-restore': [] }, ran)
  const nft = {
    kind: 'nft',
    saveProgram: 'iptables-nft-save',
    restoreProgram: 'iptables-nft-restore',
  } as const
  await writeRules(run, nft, '*nat\nCOMMIT\n')
  assert.deepEqual(
    ran.map(({ file, args, stdin }) => ({ file, args, stdin })),
    [{ file: 'iptables-nft-restore', args: ['--noflush', '--wait=5'], stdin: '*nat\nCOMMIT\n' }],
  )
})

test('what a failing program said is in the error', async () => {
  const failing: CommandRunner = () =>
    Promise.resolve({ code: 4, lines: [], stderr: 'another app holds the lock' })
  const nft = {
    kind: 'nft',
    saveProgram: 'iptables-nft-save',
    restoreProgram: 'iptables-nft-restore',
  } as const
  await assert.rejects(readRules(failing, nft), /iptables-nft-save: another app holds the lock/)
  await assert.rejects(writeRules(failing, nft, ''), /iptables-nft-restore: another app holds the lock/)
})
