/** A cgroup for each node, so that several kubelets on one machine count apart. */
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProcess } from '../../../emulator/node/process.ts'
import type { Clock } from '../../../src/base/clock.ts'

const ROOT = '/sys/fs/cgroup'

/** The hierarchies of this machine: one for each controller (version 1), or one for all (version 2). */
export function hierarchies(): string[] {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT]
  if (!existsSync(ROOT)) return []
  return readdirSync(ROOT)
    .map((each) => join(ROOT, each))
    .filter((each) => existsSync(join(each, 'cgroup.procs')) && !existsSync(join(each, 'cgroup.controllers')))
}

export async function makeCgroup(name: string): Promise<void> {
  for (const hierarchy of hierarchies()) {
    const folder = join(hierarchy, name)
    await mkdir(folder, { recursive: true })
    if (hierarchy === ROOT || !existsSync(join(folder, 'cpuset.cpus'))) continue
    // A new cpuset of version 1 has no processors until it is told.
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      await writeFile(join(folder, file), await readFile(join(hierarchy, file), 'utf8'))
  }
}

const REMOVE = `
for try in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for group in ${ROOT}/$1 ${ROOT}/*/$1; do
    [ -d "$group" ] || continue
    left=yes
    find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | xargs -r kill -KILL 2>/dev/null
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
  done
  [ -z "$left" ] && exit 0
  sleep 0.2
done
echo "cgroups of $1 are still there" >&2
exit 1`

/** Ends what is in the cgroups of that name (a shell pattern) and removes them. @throws Error when some stay. */
export async function removeCgroups(name: string, clock: Clock): Promise<void> {
  if (!/^[a-z0-9*-]+$/.test(name)) throw new Error(`not a cgroup of a cluster: ${name}`)
  await runProcess(['sh', '-c', REMOVE.replaceAll('$1', name)], clock, { deadlineMs: 30_000 })
}
