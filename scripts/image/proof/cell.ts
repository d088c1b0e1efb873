import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { type RunningProcess, startProcess } from '../../../emulator/node/process.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { run } from '../command.ts'

/** Where containers of the proof run: one network namespace, one folder at /tmp, runc without a daemon. */
export interface CellPlace {
  readonly folder: string
  /** The unpacked image. */
  readonly root: string
  /** Path of the network namespace. */
  readonly network: string
  /** Ends what runs; nothing starts afterwards. */
  readonly signal: AbortSignal
}

/** The security context that a manifest would state; everything else is as strict as it can be. */
export interface CellOptions {
  readonly userId: number
  readonly capabilities: readonly string[]
  /** Whether /run can be written, as the legacy back end of iptables needs it for its lock. */
  readonly writableRun?: boolean
  /** What a pod of a cluster finds in its file system and environment. */
  readonly account?: ServiceAccount
  readonly onLine?: (line: string) => void
}

export interface ServiceAccount {
  /** Holds `token`, `ca.crt` and `namespace`. */
  readonly folder: string
  readonly host: string
  readonly port: string
}

const ACCOUNT_PLACE = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface Cell {
  readonly process: RunningProcess
  /** Its first process, as this machine numbers it. */
  pid(): Promise<number>
  /** SIGTERM, then force; resolves with the exit status when it is gone. */
  stop(): Promise<number | undefined>
}

const DEADLINE_MS = 60_000

const runcSpec = v.looseObject({
  process: v.looseObject({}),
  mounts: v.array(v.looseObject({ destination: v.string() })),
  linux: v.looseObject({ namespaces: v.array(v.looseObject({ type: v.string() })) }),
})

/** Starts a program of the image: read-only root, no new privileges, only the capabilities given. */
export async function startCell(
  { folder, root, network, signal }: CellPlace,
  name: string,
  argv: readonly string[],
  options: CellOptions,
): Promise<Cell> {
  const bundle = join(folder, `cell-${name}`)
  await mkdir(bundle, { recursive: true })
  await run('runc', ['spec', '--bundle', bundle])
  const file = join(bundle, 'config.json')
  const given = v.parse(runcSpec, JSON.parse(await readFile(file, 'utf8')))
  const { userId, capabilities, writableRun = false, account } = options
  const kinds = ['bounding', 'effective', 'permitted']
  const spec = {
    ...given,
    process: {
      ...given.process,
      terminal: false,
      args: argv,
      env: [
        'PATH=/usr/sbin:/usr/bin',
        ...(account === undefined
          ? []
          : [`KUBERNETES_SERVICE_HOST=${account.host}`, `KUBERNETES_SERVICE_PORT=${account.port}`]),
      ],
      cwd: '/',
      user: { uid: userId, gid: userId },
      noNewPrivileges: true,
      capabilities: Object.fromEntries(kinds.map((kind) => [kind, capabilities])),
    },
    root: { path: root, readonly: true },
    mounts: [
      ...given.mounts,
      ...(writableRun ? [mount('/run', 'tmpfs', ['nosuid', 'nodev'])] : []),
      mount('/tmp', join(folder, 'tmp'), ['rbind', 'rw']),
      ...(account === undefined ? [] : [mount(ACCOUNT_PLACE, account.folder, ['rbind', 'ro'])]),
    ],
    linux: {
      ...given.linux,
      namespaces: given.linux.namespaces.map((each) =>
        each.type === 'network' ? { ...each, path: network } : each,
      ),
    },
  }
  await writeFile(file, JSON.stringify(spec))
  // The process's own number keeps two proofs on one machine apart: runc names cgroups by this.
  const id = `podid-image-${process.pid}-${name}`
  const runc = ['runc', '--root', join(folder, 'runc')]
  signal.throwIfAborted()
  const started = startProcess([...runc, 'run', '--bundle', bundle, id], systemClock, {
    deadlineMs: DEADLINE_MS,
    signal,
    ...(options.onLine === undefined ? {} : { onLine: options.onLine }),
  })
  return {
    process: started,
    async pid() {
      const state = await run('runc', ['--root', join(folder, 'runc'), 'state', id])
      return v.parse(v.object({ pid: v.number() }), JSON.parse(state)).pid
    },
    async stop() {
      await started.stop()
      await run('runc', ['--root', join(folder, 'runc'), 'delete', '--force', id])
      return (await started.done.catch(() => undefined))?.code
    },
  }
}

/** Ends and removes whatever still runs below `folder`. */
export async function removeCells(folder: string): Promise<void> {
  const runc = ['--root', join(folder, 'runc')]
  const ids = await run('runc', [...runc, 'list', '--quiet'])
  for (const id of ids.split('\n').filter((each) => each !== ''))
    await run('runc', [...runc, 'delete', '--force', id])
}

/** A file system for a container: a folder of this machine, or an empty one in memory. */
function mount(destination: string, source: string, options: readonly string[]): object {
  return { destination, type: source === 'tmpfs' ? 'tmpfs' : 'bind', source, options }
}

/** Runs a program of the image to its end. @throws Error with what it wrote when its status is not 0. */
export async function runInCell(
  place: CellPlace,
  name: string,
  argv: readonly string[],
  options: CellOptions,
): Promise<string> {
  const cell = await startCell(place, name, argv, options)
  try {
    const { code, stdout, stderr } = await cell.process.done
    if (code !== 0) throw new Error(`${argv.slice(0, 3).join(' ')}: status ${code}: ${stderr || stdout}`)
    return stdout
  } finally {
    await cell.stop()
  }
}
