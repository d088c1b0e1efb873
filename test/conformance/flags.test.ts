import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import type { FlagTable } from '../../src/cli/flag.ts'
import { type Environment, flagCommand, flagValues, withDoubleDashes } from '../../src/cli/flag-command.ts'
import { leaderTimes, micConfigOf } from '../../src/cli/mic/config.ts'
import { MIC_FLAGS } from '../../src/cli/mic-flags.ts'
import { nmiConfigOf } from '../../src/cli/nmi/config.ts'
import { NMI_FLAGS } from '../../src/cli/nmi-flags.ts'
import { MIC_DEFAULTS } from '../../src/mic/config.ts'
import { nmiConfig } from '../../src/nmi/config.ts'

const OLD_NMI: Readonly<Record<string, string>> = {
  kubeconfig: '',
  node: '',
  'nmi-listen-address': '127.0.0.1',
  'nmi-port': '2579',
  'metadata-ip': '169.254.169.254',
  'metadata-port': '80',
  'ipt-update-interval-sec': '60',
  forceNamespaced: 'false',
  MICNamespace: 'default',
  'http-probe-port': '8080',
  'retry-attempts-for-created': '16',
  'retry-attempts-for-assigned': '4',
  'find-identity-retry-interval': '5',
  enableProfile: 'false',
  enableScaleFeatures: 'true',
  'block-instance-metadata': 'false',
  'metadata-header-required': 'true',
  'prometheus-port': '9090',
  'operation-mode': 'standard',
  'allow-network-plugin-kubenet': 'false',
  'kubelet-config': '/etc/default/kubelet',
  'set-retry-after-header': 'false',
  'enable-conntrack-deletion': 'false',
  'custom-user-agent': '',
  'log-format': 'text',
  v: '0',
}
const OLD_MIC: Readonly<Record<string, string>> = {
  kubeconfig: '',
  cloudconfig: '',
  forceNamespaced: 'false',
  syncRetryDuration: '3600s',
  'leader-election-instance': '',
  'leader-election-namespace': 'default',
  'leader-election-name': 'aad-pod-identity-mic',
  'leader-election-duration': '15s',
  'http-probe-port': '8080',
  'prometheus-port': '8888',
  enableProfile: 'false',
  enableScaleFeatures: 'true',
  createDeleteBatch: '20',
  clientQps: '5',
  'immutable-user-msis': '',
  'config-map-name': 'aad-pod-identity-config',
  'type-upgrade-status-key': 'type-upgrade-status',
  'enable-type-upgrade': 'true',
  'update-user-msi-max-retry': '2',
  'update-user-msi-retry-interval': '1s',
  'identity-assignment-reconcile-interval': '3m',
  'custom-user-agent': '',
  'log-format': 'text',
  v: '0',
}

/** Flags of the old command whose default is another one now, with the present one. */
function changedDefaults(old: Readonly<Record<string, string>>, table: FlagTable): Record<string, string> {
  const changed: Record<string, string> = {}
  for (const [name, before] of Object.entries(old)) {
    const flag = table[name]
    assert.ok(flag !== undefined, `--${name} is not known`)
    assert.equal(flag.origin, 'aad-pod-identity', name)
    if (flag.shown !== before) changed[name] = flag.shown
  }
  return changed
}

function values<Table extends FlagTable>(table: Table, argv: string[], environment: Environment = {}) {
  const command = flagCommand('x', '', table)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse(withDoubleDashes(argv, new Set(Object.keys(table))), { from: 'user' })
  return flagValues(command, table, environment)
}

test('every flag of the old NMI is known with its default, but for the listed ones', () => {
  assert.deepEqual(changedDefaults(OLD_NMI, NMI_FLAGS), { 'enable-conntrack-deletion': 'true' })
})

test('every flag of the old MIC is known with its default, but for the listed ones', () => {
  assert.deepEqual(changedDefaults(OLD_MIC, MIC_FLAGS), { clientQps: '50' })
})

test('flags that are new are marked as podid’s own', () => {
  for (const [table, old] of [
    [NMI_FLAGS, OLD_NMI],
    [MIC_FLAGS, OLD_MIC],
  ] as const) {
    for (const [name, flag] of Object.entries(table)) {
      // klog's own, which every component of Kubernetes had.
      if (name === 'logtostderr') continue
      assert.equal(flag.origin === 'podid', !(name in old), name)
    }
  }
})

test('the old NMI flags reach the request path and the rules', () => {
  const flags = values(NMI_FLAGS, [
    '--nmi-listen-address=10.0.0.4',
    '--nmi-port=2580',
    '--operation-mode=Managed',
    '--MICNamespace=kube-system',
    '--metadata-header-required=false',
    '--block-instance-metadata',
    '--set-retry-after-header',
    '--retry-attempts-for-created=4',
    '--retry-attempts-for-assigned=2',
    '--find-identity-retry-interval=3',
  ])
  const { hold, limits, ...config } = nmiConfigOf(flags)
  const { hold: usual, limits: _, ...defaults } = nmiConfig()
  assert.deepEqual(config, {
    ...defaults,
    host: '10.0.0.4',
    port: 2580,
    mode: 'managed',
    // With rules of its own an agent lets the next one listen beside it.
    shared: true,
    micNamespace: 'kube-system',
    metadataHeaderRequired: false,
    blockInstanceMetadata: true,
    setRetryAfterHeader: true,
  })
  assert.deepEqual(hold, {
    ...usual,
    createdMs: 12_000,
    assignedMs: 18_000,
    patientAssignmentMs: 45_000,
    patientRequestMs: 55_000,
  })
  assert.ok(limits.maxConnections > 0)
  assert.deepEqual(nmiConfigOf(values(NMI_FLAGS, [])).hold, usual)
})

test('the old MIC flags reach the controller', () => {
  const flags = values(MIC_FLAGS, [
    '--forceNamespaced=true',
    '--syncRetryDuration=10m',
    '--createDeleteBatch=7',
    '--clientQps=9',
    '--immutable-user-msis=a,b',
    '--update-user-msi-max-retry=5',
    '--update-user-msi-retry-interval=250ms',
    '--identity-assignment-reconcile-interval=30s',
  ])
  assert.deepEqual(micConfigOf(flags), {
    forceNamespaced: true,
    resyncMs: 600_000,
    createDeleteBatch: 7,
    clientQps: 9,
    immutableIdentities: ['a', 'b'],
    updateMaxRetries: 5,
    updateRetryIntervalMs: 250,
    reconcileMs: 30_000,
    adoptExisting: false,
    armCallsPerHour: 6_000,
  })
  assert.deepEqual(micConfigOf(values(MIC_FLAGS, [])), MIC_DEFAULTS)
})

test('flags that have lost their meaning are accepted and change nothing', () => {
  const nmi = ['--enableProfile', '--enableScaleFeatures=false', '--logtostderr']
  assert.deepEqual(nmiConfigOf(values(NMI_FLAGS, nmi)), nmiConfigOf(values(NMI_FLAGS, [])))
  const mic = [
    '--enableProfile=true',
    '--enableScaleFeatures=false',
    '--config-map-name=x',
    '--type-upgrade-status-key=y',
    '--enable-type-upgrade=false',
  ]
  assert.deepEqual(micConfigOf(values(MIC_FLAGS, mic)), micConfigOf(values(MIC_FLAGS, [])))
})

test('FORCENAMESPACED keeps both components to namespaces, and the flag wins over it', () => {
  const environment = { FORCENAMESPACED: 'true' }
  const off = ['--forceNamespaced=false']
  assert.equal(nmiConfigOf(values(NMI_FLAGS, [], environment)).forceNamespaced, true)
  assert.equal(micConfigOf(values(MIC_FLAGS, [], environment)).forceNamespaced, true)
  assert.equal(nmiConfigOf(values(NMI_FLAGS, off, environment)).forceNamespaced, false)
  assert.equal(micConfigOf(values(MIC_FLAGS, off, environment)).forceNamespaced, false)
})

test('the lock of MIC has the name, place and duration that it had', () => {
  const flags = values(MIC_FLAGS, [])
  assert.equal(flags['leader-election-name'], 'aad-pod-identity-mic')
  assert.equal(flags['leader-election-namespace'], 'default')
  assert.equal(flags['leader-election-duration'], 15_000)
})

test('the lead is given up after two thirds of the duration without a renewal, which is tried every two seconds', () => {
  assert.deepEqual(leaderTimes(15_000), { renewDeadlineMs: 10_000, retryMs: 2_000 })
})

test('both components print their version', async () => {
  for (const name of ['nmi', 'mic']) {
    const { stdout } = await promisify(execFile)(process.execPath, ['src/main.ts', name, '--version'])
    assert.equal(stdout, `${packageJson.version}\n`)
  }
})
