import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorError } from '../base/errors.ts'
import { type Environment, flagCommand, flagValues, withDoubleDashes } from './flag-command.ts'
import { MIC_FLAGS } from './mic-flags.ts'
import { NMI_FLAGS } from './nmi-flags.ts'

function nmi(argv: string[], environment: Environment = {}) {
  const command = flagCommand('nmi', '', NMI_FLAGS)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse(withDoubleDashes(argv, new Set(Object.keys(NMI_FLAGS))), { from: 'user' })
  return flagValues(command, NMI_FLAGS, environment)
}

test('the verbosity is read in each of the spellings that Go takes', () => {
  for (const argv of [['-v=2'], ['-v', '2'], ['-v2'], ['--v=2'], ['--v', '2']])
    assert.equal(nmi(argv).v, 2, argv.join(' '))
})

test('defaults are those of AAD Pod Identity', () => {
  const flags = nmi([])
  assert.equal(flags['nmi-listen-address'], '127.0.0.1')
  assert.equal(flags['nmi-port'], 2579)
  assert.equal(flags['metadata-ip'], '169.254.169.254')
  assert.equal(flags['metadata-port'], 80)
  assert.equal(flags['ipt-update-interval-sec'], 60)
  assert.equal(flags['http-probe-port'], 8080)
  assert.equal(flags['prometheus-port'], 9090)
  assert.equal(flags['operation-mode'], 'standard')
  assert.equal(flags['retry-attempts-for-created'], 16)
  assert.equal(flags['retry-attempts-for-assigned'], 4)
  assert.equal(flags['find-identity-retry-interval'], 5)
  assert.equal(flags['kubelet-config'], '/etc/default/kubelet')
  assert.equal(flags['metadata-header-required'], true)
  assert.equal(flags.forceNamespaced, false)
  assert.equal(flags.MICNamespace, 'default')
})

test('a flag is read with an equals sign, a blank, one dash, and bare when it is a boolean', () => {
  for (const argv of [['--nmi-port=80'], ['--nmi-port', '80'], ['-nmi-port', '80'], ['-nmi-port=80']]) {
    assert.equal(nmi(argv)['nmi-port'], 80, argv.join(' '))
  }
  assert.equal(nmi(['--forceNamespaced']).forceNamespaced, true)
  assert.equal(nmi(['--forceNamespaced=true']).forceNamespaced, true)
  assert.equal(nmi(['--metadata-header-required=false'])['metadata-header-required'], false)
  assert.equal(nmi(['-v', '5']).v, 5)
  assert.equal(nmi(['--v=5']).v, 5)
})

test('the environment is read when the flag is absent, and loses against it', () => {
  const environment = { FORCENAMESPACED: 'true', NODE_NAME: 'node-0' }
  assert.equal(nmi([], environment).forceNamespaced, true)
  assert.equal(nmi([], environment).node, 'node-0')
  assert.equal(nmi(['--forceNamespaced=false', '--node=b'], environment).forceNamespaced, false)
  assert.equal(nmi(['--node=b'], environment).node, 'b')
  assert.throws(() => nmi([], { FORCENAMESPACED: 'maybe' }), OperatorError)
})

test('an unknown flag is refused and names the nearest known one', () => {
  assert.throws(() => nmi(['--nmi-prt=80']), /unknown option '--nmi-prt'\n\(Did you mean --nmi-port\?\)/)
})

test('a wrong value names the flag and what is expected', () => {
  assert.throws(() => nmi(['--nmi-port=70000']), /nmi-port.*whole number from 0 to 65535/)
  assert.throws(() => nmi(['--operation-mode=open']), /operation-mode.*standard, managed/)
  assert.throws(() => nmi(['--hold-limit=45']), /hold-limit.*duration such as 30s/)
  assert.throws(() => nmi(['--audit=perhaps']), /audit.*true or false/)
})

test('an argument too many is refused', () => {
  assert.throws(() => nmi(['stray']), /too many arguments/)
})

test('durations and lists of MIC are read as Go wrote them', () => {
  const command = flagCommand('mic', '', MIC_FLAGS).exitOverride()
  command.parse(['--syncRetryDuration=90m', '--immutable-user-msis=a, b,'], { from: 'user' })
  const flags = flagValues(command, MIC_FLAGS, {})
  assert.equal(flags.syncRetryDuration, 5_400_000)
  assert.deepEqual(flags['immutable-user-msis'], ['a', 'b'])
  assert.equal(flags['leader-election-duration'], 15_000)
  assert.equal(flags['identity-assignment-reconcile-interval'], 180_000)
})
