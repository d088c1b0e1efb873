/** Kubernetes built from the Go module proxy, pinned by go.mod and go.sum, kept outside the checkout. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { ownEnvironment } from './own-environment.ts'

const FOLDER = import.meta.dirname

const PROGRAMS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
] as const

/** Two cores need 4 to 25 minutes for a first build. */
const BUILD_DEADLINE_MS = 40 * 60_000

export interface Binaries {
  readonly folder: string
  path(program: (typeof PROGRAMS)[number] | 'pause'): string
}

/** Builds what is not there yet. @throws Error with the compiler's last words. */
export async function kubernetesBinaries(clock: Clock, say: (line: string) => void): Promise<Binaries> {
  const sources = await Promise.all(
    ['go.mod', 'go.sum', 'pause/main.go', 'binaries.ts'].map((file) => readFile(join(FOLDER, file))),
  )
  const key = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16)
  const folder = cacheFolder('kubernetes', key)
  if (!existsSync(folder)) await build(folder, { clock, say, goMod: String(sources[0]) })
  return { folder, path: (program) => join(folder, program) }
}

interface Site {
  readonly clock: Clock
  readonly say: (line: string) => void
  readonly goMod: string
}

async function build(folder: string, { clock, say, goMod }: Site): Promise<void> {
  const version = /k8s\.io\/kubernetes v(\S+)/.exec(goMod)?.[1]
  if (version === undefined) throw new Error('go.mod names no version of k8s.io/kubernetes')
  say(`building Kubernetes ${version}: 4 to 25 minutes on two cores, once`)
  const fresh = `${folder}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  // What a release calls itself; without it Helm and kubectl see v0.0.0.
  const [major = '', minor = ''] = version.split('.')
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) => [
    `-X ${name}.gitVersion=v${version}`,
    `-X ${name}.gitMajor=${major}`,
    `-X ${name}.gitMinor=${minor}`,
  ])
  const packages = PROGRAMS.map((each) => `k8s.io/kubernetes/cmd/${each}`)
  const started = clock.monotonic()
  await go(
    FOLDER,
    ['build', '-trimpath', '-ldflags', `-s -w ${flags.join(' ')}`, '-o', `${fresh}/`, ...packages],
    clock,
  )
  await go(FOLDER, ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(fresh, 'pause'), './pause'], clock)
  await mkdir(join(folder, '..'), { recursive: true })
  await rename(fresh, folder).catch(async (thrown: unknown) => {
    // Somebody else built the same at the same time.
    await rm(fresh, { recursive: true })
    if (!existsSync(folder)) throw thrown
  })
  say(`built Kubernetes ${version} in ${Math.round((clock.monotonic() - started) / 1000)} s`)
}

/** Runs the Go of this machine, which never fetches another one. @throws Error with its last words */
export async function go(folder: string, args: readonly string[], clock: Clock): Promise<void> {
  await runProcess(['go', ...args], clock, {
    cwd: folder,
    env: {
      ...ownEnvironment(),
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -buildvcs=false',
      GOTOOLCHAIN: 'local',
    },
    deadlineMs: BUILD_DEADLINE_MS,
  })
}
