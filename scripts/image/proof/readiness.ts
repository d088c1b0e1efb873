import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { parse } from 'yaml'
import { startProcess } from '../../../emulator/node/process.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { RUNTIME_FLAGS } from '../../../src/cli/runtime-flags.ts'
import {
  type Cell,
  type CellOptions,
  type CellPlace,
  runInCell,
  type ServiceAccount,
  startCell,
} from './cell.ts'

const PODID = '/usr/bin/podid'
const PROBE_PORT = 20_080
const PROBE_PORT_FLAG: Readonly<Record<Component, string>> = {
  nmi: 'http-probe-port',
  mic: 'http-probe-port',
  'keyvault-provider': 'healthz-port',
}
const STRICT = { userId: 65_532, capabilities: [] } as const

/** MIC reads it at its start; nobody logs in before there is something to assign. */
const AZURE_JSON = {
  cloud: 'AzurePublicCloud',
  tenantId: '11111111-1111-1111-1111-111111111111',
  subscriptionId: '22222222-2222-2222-2222-222222222222',
  resourceGroup: 'proof',
  vmType: 'vmss',
  useManagedIdentityExtension: true,
}

/** Waits in the namespace until /readyz says 200. */
const POLL = `
const { get } = require('node:http')
const ask = () =>
  get({ host: '127.0.0.1', port: ${PROBE_PORT}, path: '/readyz' }, (answer) => {
    answer.resume()
    if (answer.statusCode === 200) process.exit(0)
    setTimeout(ask, 5)
  }).on('error', () => setTimeout(ask, 5))
ask()
`

export interface ReadinessPlace extends CellPlace {
  /** Name of the network namespace, for `ip netns exec`. */
  readonly networkName: string
}

/**
 * Starts the components as a cluster would, against the Kubernetes emulator of the image itself.
 * @throws Error when one does not get ready. Returns a line for each, with its figures.
 */
export async function tryComponents(place: ReadinessPlace): Promise<readonly string[]> {
  const tmp = join(place.folder, 'tmp')
  const kubeconfig = Promise.withResolvers<string>()
  const emulator = await startCell(place, 'kube', [PODID, 'emulator', 'kube', '--host=127.0.0.1'], {
    ...STRICT,
    onLine(line) {
      const file = /KUBECONFIG=(\S+)/.exec(line)?.[1]
      if (file !== undefined) kubeconfig.resolve(file)
    },
  })
  const lost = (): void => kubeconfig.reject(new Error('the emulator ended'))
  emulator.process.done.then(lost, lost)
  try {
    const account = await accountOf(
      await readFile(join(place.folder, await kubeconfig.promise), 'utf8'),
      place,
    )
    await writeFile(join(tmp, 'azure.json'), JSON.stringify(AZURE_JSON))
    await writeFile(join(tmp, 'kubelet'), 'KUBELET_EXTRA_ARGS=--network-plugin=cni\n')
    const strict = { ...STRICT, account }
    await runInCell(place, 'crds', [PODID, 'crds', '--from=/usr/lib/podid/charts/podid/crds'], strict)
    return [
      await measure(place, 'mic', ['--cloudconfig=/tmp/azure.json'], strict),
      await measure(place, 'nmi', ['--node=node-1', '--kubelet-config=/tmp/kubelet'], {
        account,
        userId: 0,
        capabilities: ['CAP_NET_ADMIN', 'CAP_NET_RAW'],
        writableRun: true,
      }),
      await measure(place, 'keyvault-provider', ['--endpoint=unix:///tmp/azure.sock'], strict),
    ]
  } finally {
    await emulator.stop()
  }
}

const kubeconfigFile = v.object({
  clusters: v.tuple([
    v.object({ cluster: v.object({ server: v.string(), 'certificate-authority-data': v.string() }) }),
  ]),
  users: v.tuple([v.object({ user: v.object({ token: v.string() }) })]),
})

/** What the emulator's kubeconfig says, as a pod would find it. */
async function accountOf(kubeconfig: string, { folder }: CellPlace): Promise<ServiceAccount> {
  const { clusters, users } = v.parse(kubeconfigFile, parse(kubeconfig))
  const { server, 'certificate-authority-data': authority } = clusters[0].cluster
  const account = join(folder, 'account')
  await mkdir(account)
  await writeFile(join(account, 'token'), users[0].user.token)
  await writeFile(join(account, 'ca.crt'), Buffer.from(authority, 'base64'))
  await writeFile(join(account, 'namespace'), 'default')
  const { hostname: host, port } = new URL(server)
  return { folder: account, host, port }
}

type Component = keyof typeof RUNTIME_FLAGS

async function measure(
  place: ReadinessPlace,
  component: Component,
  flags: readonly string[],
  options: CellOptions,
): Promise<string> {
  const said: string[] = []
  const poll = startProcess(
    ['ip', 'netns', 'exec', place.networkName, process.execPath, '-e', POLL],
    systemClock,
    {
      deadlineMs: 20_000,
    },
  )
  const probe = [`--${PROBE_PORT_FLAG[component]}=${PROBE_PORT}`, '--probe-address=127.0.0.1']
  const started = performance.now()
  const cell = await startCell(place, component, [PODID, component, ...probe, ...flags], {
    ...options,
    onLine: (line) => said.push(line),
  })
  try {
    const ended = cell.process.done.then(({ code }) => {
      throw new Error(`status ${String(code)}`)
    })
    ended.catch(() => {})
    await Promise.race([poll.done, ended]).catch((thrown: unknown) => {
      throw new Error(`${component} is not ready: ${said.join('\n')}`, { cause: thrown })
    })
    const ms = Math.round(performance.now() - started)
    const megabytes = await checkProcess(cell, component)
    const code = await cell.stop()
    if (code !== 0)
      throw new Error(`${component} ends with status ${String(code)} after SIGTERM: ${said.join('\n')}`)
    return `${component}: ready in ${ms} ms (runc included), ${megabytes} MB of its own memory, its flags of Node are set, ends with status 0`
  } finally {
    await poll.stop()
    await cell.stop()
  }
}

/** The container's first process is the component itself, with its flags. Returns the memory of its own (not of files) in megabytes. */
async function checkProcess(cell: Cell, component: Component): Promise<number> {
  const pid = await cell.pid()
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  const expected: readonly string[] = RUNTIME_FLAGS[component]
  const missing = expected.filter((flag) => !argv.includes(flag))
  if (missing.length > 0 || !argv.includes(component))
    throw new Error(`${component} runs as ${argv.join(' ')}`)
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Math.round(Number(kilobytes) / 1024)
}
