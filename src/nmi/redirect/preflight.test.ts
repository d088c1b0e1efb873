import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { OperatorError } from '../../base/errors.ts'
import { missingCapabilities } from './capabilities.ts'
import { CommandError, type CommandRunner } from './command-runner.ts'
import { cutConnections } from './connections.ts'
import type { HostFiles } from './host-files.ts'
import { refuseKubenet } from './kubenet-guard.ts'
import { listenerAt, parseListening } from './listening-sockets.ts'
import { type PreflightOptions, preflight } from './preflight.ts'
import { ensureRouteLocalnet, ROUTE_LOCALNET } from './route-localnet.ts'

const ALL_CAPABILITIES = 'Name:\tnode\nCapEff:\t000001ffffffffff\n'

function filesOf(contents: Readonly<Record<string, string>>, written: string[] = []): HostFiles {
  return {
    read(path) {
      const text = contents[path]
      if (text !== undefined) return Promise.resolve(text)
      return Promise.reject(Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' }))
    },
    write(path, text) {
      written.push(`${path}=${text}`)
      return Promise.resolve()
    },
  }
}

const notInstalled: CommandRunner = ({ file }) =>
  Promise.reject(new CommandError(file, Object.assign(new Error('spawn'), { code: 'ENOENT' })))

const emptyTables: CommandRunner = () => Promise.resolve({ code: 0, lines: [], stderr: '' })

function optionsWith(changes: Partial<PreflightOptions>): PreflightOptions {
  return {
    run: emptyTables,
    files: filesOf({ '/proc/self/status': ALL_CAPABILITIES, '/proc/net/tcp': '' }),
    addresses: { metadataIp: '169.254.169.254', metadataPort: 80, listenAddress: '127.0.0.1', listenPort: 0 },
    backend: 'nft',
    kubenet: { kubeletFile: '/etc/default/kubelet', allowed: true },
    ...changes,
  }
}

test('on a node where nothing is in the way there are no problems', async () => {
  assert.deepEqual((await preflight(optionsWith({}))).problems, [])
})

test('all problems are told at once, each with what to do', async () => {
  const { problems } = await preflight(
    optionsWith({
      run: notInstalled,
      files: filesOf({ '/proc/self/status': 'CapEff:\t0000000000002000\n' }),
      kubenet: { kubeletFile: '/etc/default/kubelet', allowed: false },
    }),
  )
  assert.equal(problems.length, 3)
  for (const part of ['--kubelet-config', 'iptables-nft is not installed', 'add NET_ADMIN']) {
    assert.ok(
      problems.some((problem) => problem.includes(part)),
      part,
    )
  }
})

test('on a node with legacy tables NET_RAW is needed, also where the rules are written with nft', async () => {
  const onlyAdmin = 'CapEff:\t0000000000001000\n'
  const optionsFor = (names: string): PreflightOptions =>
    optionsWith({
      files: filesOf({
        '/proc/self/status': onlyAdmin,
        '/proc/net/tcp': '',
        '/proc/net/ip_tables_names': names,
      }),
    })
  assert.deepEqual((await preflight(optionsFor(''))).problems, [])
  const { problems } = await preflight(optionsFor('nat\nfilter\n'))
  assert.match(problems.join(), /lacks CAP_NET_RAW, .* add NET_RAW /)
})

test('the port of somebody else is a problem that names the flag', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const addresses = {
    metadataIp: '169.254.169.254',
    metadataPort: 80,
    listenAddress: '127.0.0.1',
    listenPort: port,
  }
  const { problems } = await preflight(optionsWith({ addresses }))
  assert.equal(problems.length, 1)
  assert.match(problems[0] ?? '', /in use.*--nmi-port/)
})

test('iptables-legacy also needs NET_RAW', async () => {
  const files = filesOf({ '/proc/self/status': 'CapEff:\t0000000000001000\n', '/proc/net/tcp': '' })
  assert.deepEqual(await missingCapabilities(files, ['NET_ADMIN', 'NET_RAW']), ['NET_RAW'])
  assert.deepEqual((await preflight(optionsWith({ files }))).problems, [])
  assert.match((await preflight(optionsWith({ files, backend: 'legacy' }))).problems.join(), /CAP_NET_RAW/)
})

test('kubenet is refused, allowed by the flag, and a kubelet file that cannot be read is fatal', async () => {
  const kubeletFile = '/etc/default/kubelet'
  const kubenet = filesOf({ [kubeletFile]: 'KUBELET_FLAGS=--v=2 --network-plugin=kubenet --x\n' })
  const azure = filesOf({ [kubeletFile]: 'KUBELET_FLAGS=--network-plugin=cni\n' })
  const refused = (thrown: unknown): boolean =>
    thrown instanceof OperatorError && thrown.message.includes('--allow-network-plugin-kubenet')
  await assert.rejects(refuseKubenet({ kubeletFile, allowed: false }, kubenet), refused)
  await assert.rejects(refuseKubenet({ kubeletFile, allowed: false }, filesOf({})), refused)
  await refuseKubenet({ kubeletFile, allowed: true }, kubenet)
  await refuseKubenet({ kubeletFile, allowed: true }, filesOf({}))
  await refuseKubenet({ kubeletFile, allowed: false }, azure)
})

const PROC_NET_TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0A13 00000000:0000 0A 00000000:00000000 00:00000000 00000000   998        0 4242 1 0000000000000000 100 0 0 10 0
   1: 00000000:2712 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4243 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F90 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4244 1 0000000000000000 100 0 0 10 0
`

test('listening sockets are read from procfs with address, port and owner', () => {
  const sockets = parseListening(PROC_NET_TCP)
  assert.deepEqual(sockets, [
    { address: '127.0.0.1', port: 2579, uid: 998 },
    { address: '0.0.0.0', port: 10_002, uid: 0 },
  ])
  assert.equal(listenerAt(sockets, '127.0.0.1', 2579)?.uid, 998)
  assert.equal(listenerAt(sockets, '10.0.0.4', 10_002)?.uid, 0)
  assert.equal(listenerAt(sockets, '10.0.0.4', 2579), undefined)
})

test('route_localnet is written only when it is off', async () => {
  const written: string[] = []
  assert.equal(await ensureRouteLocalnet(filesOf({ [ROUTE_LOCALNET]: '1\n' }, written)), false)
  assert.deepEqual(written, [])
  assert.equal(await ensureRouteLocalnet(filesOf({ [ROUTE_LOCALNET]: '0\n' }, written)), true)
  assert.deepEqual(written, [`${ROUTE_LOCALNET}=1`])
})

test('the count of cut connections is read, and no connections is no failure', async () => {
  const says =
    (code: number, stderr: string): CommandRunner =>
    () =>
      Promise.resolve({ code, lines: [], stderr })
  const metadata = { ip: '169.254.169.254', port: 80 }
  const text = 'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been deleted.'
  assert.equal(await cutConnections(says(0, text), metadata), 3)
  assert.equal(await cutConnections(says(1, text.replace('3', '0')), metadata), 0)
  await assert.rejects(
    cutConnections(says(1, 'Operation not permitted'), metadata),
    /Operation not permitted/,
  )
})
