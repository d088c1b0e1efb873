import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import type { KubeConnection } from '../../src/kube/connection.ts'
import { inClusterConnection } from '../../src/kube/in-cluster.ts'
import type { ResourceSpec } from '../../src/kube/resource-spec.ts'
import { createRest, type Rest } from '../../src/kube/rest.ts'
import type { Versioned } from '../../src/kube/store-feed.ts'
import { type WatchedStore, watchStore } from '../../src/kube/watched-store.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { CaseContext, KubeServer } from './case-world.ts'

export const NEVER = new AbortController().signal

/** podid's client as a pod has it: a folder with a CA and a token, the administrator's at first. */
export interface ClientRoom {
  readonly directory: string
  readonly connection: KubeConnection
  readonly rest: Rest
}

export async function openClientRoom(context: CaseContext, server: KubeServer): Promise<ClientRoom> {
  const directory = await mkdtemp(join(tmpdir(), 'podid-kube-'))
  await writeFile(join(directory, 'ca.crt'), server.caPem)
  await writeFile(join(directory, 'token'), `${server.adminToken}\n`)
  const { hostname: host, port } = new URL(server.url)
  const connection = inClusterConnection({ host, port, directory })
  context.after(async () => {
    connection.close()
    await rm(directory, { recursive: true })
  })
  return { directory, connection, rest: createRest(connection, systemClock) }
}

export interface Followed<T> {
  readonly watched: WatchedStore<T>
  /** Waits until the store, or the health of its watch, is as asked. */
  readonly until: (condition: () => boolean) => Promise<void>
  readonly keys: () => readonly string[]
}

/** A started watch and a way to wait until its store satisfies a condition. */
export async function follow<T extends Versioned>(
  context: CaseContext,
  rest: Rest,
  spec: ResourceSpec<T>,
  choice: { readonly namespace?: string; readonly fieldSelector?: string } = {},
): Promise<Followed<T>> {
  const checks = new Set<() => void>()
  const wake = (): void => {
    for (const check of checks) check()
  }
  const watched: WatchedStore<T> = watchStore({
    rest,
    spec,
    ...choice,
    clock: systemClock,
    log: silentLog,
    onEvent: () => void setImmediate(wake),
  })
  context.after(() => watched.stop())
  await watched.start()
  const until = (condition: () => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const check = (): void => {
      if (!condition()) return
      checks.delete(check)
      resolve(undefined)
    }
    checks.add(check)
    check()
    return promise
  }
  return { watched, until, keys: () => [...watched.store.values()].map((each) => spec.keyOf(each)).sort() }
}
