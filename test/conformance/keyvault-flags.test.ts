import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import packageJson from '../../package.json' with { type: 'json' }
import { createKeyVaultClient } from '../../src/azure/key-vault-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { SecretString } from '../../src/base/secret.ts'
import { flagCommand, flagValues } from '../../src/cli/flag-command.ts'
import { KEYVAULT_PROVIDER_FLAGS } from '../../src/cli/keyvault-provider-flags.ts'
import { parseEndpoint } from '../../src/keyvault/grpc/endpoint.ts'
import { startStub } from '../harness/stub-server.ts'

/** Flags of the Azure Key Vault Provider 1.8 with their defaults. */
const OLD: Readonly<Record<string, string>> = {
  endpoint: 'unix:///tmp/azure.sock',
  'log-format-json': 'false',
  v: '0',
  'enable-pprof': 'false',
  'pprof-port': '6060',
  'healthz-port': '8989',
  'healthz-path': '/healthz',
  'healthz-timeout': '5s',
  'metrics-backend': 'prometheus',
  'prometheus-port': '8898',
  'construct-pem-chain': 'true',
  'write-cert-and-key-in-separate-files': 'false',
  'cloud-name': 'AzurePublicCloud',
  'token-proxy-url': '',
  'sni-name': '',
  'custom-user-agent': '',
}

function values(...argv: readonly string[]) {
  const command = flagCommand('keyvault-provider', '', KEYVAULT_PROVIDER_FLAGS)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse(argv, { from: 'user' })
  return flagValues(command, KEYVAULT_PROVIDER_FLAGS, {})
}

test('every flag of the old provider is known with its default, and the others are marked as podid’s own', () => {
  for (const [name, flag] of Object.entries(KEYVAULT_PROVIDER_FLAGS)) {
    assert.equal(flag.origin, name in OLD ? 'keyvault-provider' : 'podid', name)
    if (name in OLD) assert.equal(flag.shown, OLD[name], name)
  }
  assert.deepEqual(
    Object.keys(OLD).filter((name) => !(name in KEYVAULT_PROVIDER_FLAGS)),
    [],
  )
})

test('the one backend of metrics is Prometheus, in any case, and profiles are accepted and mean nothing', () => {
  assert.equal(values('--metrics-backend=Prometheus')['metrics-backend'], 'prometheus')
  assert.throws(() => values('--metrics-backend=statsd'), /it is one of: prometheus/)
  const { 'enable-pprof': pprof, ...flags } = values('--enable-pprof')
  const { 'enable-pprof': without, ...defaults } = values()
  assert.deepEqual([pprof, without], [true, false])
  assert.deepEqual(flags, defaults)
})

test('endpoints: a Unix socket, or for tests TCP on a loopback address, and nothing else', () => {
  assert.deepEqual(parseEndpoint('unix:///provider/azure.sock'), {
    kind: 'unix',
    path: '/provider/azure.sock',
  })
  assert.deepEqual(parseEndpoint('tcp://127.0.0.1:7000'), { kind: 'tcp', host: '127.0.0.1', port: 7_000 })
  for (const wrong of [
    'udp://127.0.0.1:1',
    'unix://',
    'tcp://:7000',
    'tcp://0.0.0.0:7000',
    'azure.sock',
    '',
  ]) {
    assert.throws(() => parseEndpoint(wrong), /--endpoint/, wrong)
  }
})

test('the user agent that is configured is that of requests to a vault', async () => {
  await using stub = await startStub(() => ({ status: 404 }), { tls: true })
  const client = createKeyVaultClient({ clock: systemClock, ca: stub.ca, userAgent: 'podid shop/1' })
  try {
    const target = { origin: stub.origin, token: new SecretString('t') }
    const wanted = { shelf: 'secrets', name: 'db', version: '' } as const
    await assert.rejects(client.object(target, wanted, AbortSignal.timeout(10_000)))
  } finally {
    client.close()
  }
  const [request] = stub.requests
  assert.equal(request?.headers['user-agent'], 'podid shop/1')
  assert.equal(request?.target, '/secrets/db/?api-version=7.4')
})

test('the provider prints its version alone', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    'src/main.ts',
    'keyvault-provider',
    '--version',
  ])
  assert.equal(stdout, `${packageJson.version}\n`)
})
