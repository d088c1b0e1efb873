import { readdir, readFile } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { parse } from 'yaml'
import type { KubeEmulator, KubeEmulatorOptions } from '../../emulator/kube/kube-emulator.ts'
import { startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'

const CRDS = new URL('../../charts/podid/crds/', import.meta.url)

/** The CustomResourceDefinitions of the chart. */
export async function podidDefinitions(): Promise<readonly Record<string, unknown>[]> {
  const files = (await readdir(CRDS)).filter((each) => each.endsWith('.yaml')).sort()
  return Promise.all(
    files.map(async (each) => parse(await readFile(new URL(each, CRDS), 'utf8')) as Record<string, unknown>),
  )
}

/** A running API server with podid's kinds, closed when the test ends. A defect in it fails the test. */
export async function startTestKube(
  context: TestContext,
  options: KubeEmulatorOptions = {},
): Promise<KubeEmulator> {
  const defects: string[] = []
  const kube = await startKubeEmulator({ onDefect: (text) => defects.push(text), ...options })
  context.after(async () => {
    await kube.close()
    if (defects.length > 0) throw new Error(`the emulator failed: ${defects.join('; ')}`)
  })
  kube.load(await podidDefinitions())
  return kube
}
