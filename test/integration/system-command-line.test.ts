import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { json, startScriptedApi } from '../fakes/scripted-api.ts'
import { Happenings } from '../harness/system-happenings.ts'
import { startPodid } from '../harness/system-process.ts'

interface Case {
  readonly what: string
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly code: number
  /** What the message must say: the thing that is wrong, and what to do. */
  readonly says: RegExp
}

const KUBECONFIG = `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: c, context: { cluster: c, user: u } }]
`

test('a command that waits for others stays alive until they are ready', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'podid-await-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const looks = [0, 1, 2].map((ready) => ({
    metadata: { generation: 1 },
    status: { observedGeneration: 1, desiredNumberScheduled: 2, numberReady: ready },
  }))
  const api = await startScriptedApi(...looks.map((look) => json(200, look, { connection: 'close' })))
  t.after(() => api.close())
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, KUBECONFIG.replace('https://127.0.0.1:1', api.url))
  const argv = ['await', `--kubeconfig=${kubeconfig}`, '--daemonset=podid-system/podid-cleanup']
  const child = startPodid(argv, { happenings: new Happenings() })
  const { code } = await child.ended
  assert.equal(code, 0, child.lines.join('\n'))
  assert.equal(api.asked.length, 3)
})

test('a wrong flag, file or port ends the program at once, with an exit code and a text that says what to do', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'podid-flags-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const kubeconfig = `--kubeconfig=${await file('kubeconfig', KUBECONFIG)}`
  const noLogin = await file('empty.json', '{"cloud":"AzurePublicCloud","tenantId":"t"}')
  const nonsense = await file('nonsense.json', 'password: hunter2')
  const nmi = ['nmi', '--node=n', '--manage-redirect=false', '--probe-address=127.0.0.1', kubeconfig]
  const mic = ['mic', '--probe-address=127.0.0.1', '--http-probe-port=0', '--prometheus-port=0', kubeconfig]
  const missing = join(folder, 'missing')
  const cases: readonly Case[] = [
    {
      what: 'unknown flag',
      argv: ['nmi', '--nod=n'],
      code: 2,
      says: /unknown option.*--nod[\s\S]*Did you mean --node/,
    },
    { what: 'unknown command', argv: ['nmy'], code: 2, says: /unknown command 'nmy'[\s\S]*Did you mean nmi/ },
    {
      what: 'bad number',
      argv: ['nmi', '--nmi-port=x'],
      code: 2,
      says: /--nmi-port.*whole number from 0 to 65535/,
    },
    {
      what: 'bad choice',
      argv: ['nmi', '--operation-mode=x'],
      code: 2,
      says: /--operation-mode.*standard, managed/,
    },
    {
      what: 'bad duration',
      argv: ['mic', '--syncRetryDuration=5'],
      code: 2,
      says: /--syncRetryDuration.*such as 30s/,
    },
    {
      what: 'bad variable',
      argv: ['nmi'],
      env: { FORCENAMESPACED: 'maybe' },
      code: 1,
      says: /FORCENAMESPACED.*true or false/,
    },
    { what: 'no node', argv: ['nmi', kubeconfig], code: 1, says: /--node \(or NODE_NAME\)/ },
    {
      what: 'no cluster',
      argv: ['nmi', '--node=n', '--manage-redirect=false'],
      code: 1,
      says: /KUBERNETES_SERVICE_HOST.*--kubeconfig/,
    },
    {
      what: 'no kubeconfig',
      argv: ['mic', `--kubeconfig=${missing}`],
      code: 1,
      says: /cannot read the kubeconfig.*missing/,
    },
    {
      what: 'no cloudconfig',
      argv: [...mic, `--cloudconfig=${missing}`],
      code: 1,
      says: /--cloudconfig .*missing cannot be read/,
    },
    {
      what: 'nonsense cloudconfig',
      argv: [...mic, `--cloudconfig=${nonsense}`],
      code: 1,
      says: /nonsense\.json cannot be used/,
    },
    {
      what: 'no credentials',
      argv: [...mic, `--cloudconfig=${noLogin}`],
      code: 1,
      says: /no way to log in to Azure: client id and client secret missing in .*empty\.json/,
    },
    {
      what: 'no credentials in the environment',
      argv: mic,
      code: 1,
      says: /missing in the environment.*USE_MSI=true/,
    },
    {
      what: 'unknown cloud',
      argv: [...nmi, '--cloud=Moon'],
      code: 1,
      says: /cloud Moon is not known: AzurePublicCloud/,
    },
    {
      what: 'probe port taken',
      argv: [...nmi, `--http-probe-port=${port}`],
      code: 1,
      says: /another process holds the port.*ss -ltnp/,
    },
    {
      what: 'metrics port taken',
      argv: [...nmi, '--http-probe-port=0', `--prometheus-port=${port}`],
      code: 1,
      says: /--prometheus-port.*another process holds/,
    },
    {
      what: 'token port taken',
      argv: [...nmi, '--http-probe-port=0', '--prometheus-port=0', `--nmi-port=${port}`],
      code: 1,
      says: /--nmi-port.*another process holds the port/,
    },
  ]
  const happenings = new Happenings()
  const left = [...cases]
  const worker = async (): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) {
      const child = startPodid(each.argv, { happenings, env: each.env ?? {} })
      const { code } = await child.ended
      const said = child.lines.join('\n')
      assert.match(said, each.says, each.what)
      assert.equal(code, each.code, `${each.what}: ${said}`)
      assert.doesNotMatch(said, /\n\s+at |hunter2/, `${each.what} shows a stack or a value`)
    }
  }
  await Promise.all([worker(), worker()])
})
