import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createCsiDriver, type MountedVolume } from '../../../../emulator/csi/driver.ts'
import { MountRefused } from '../../../../emulator/csi/mount-refused.ts'
import { DeadlineError, sleep, withDeadline } from '../../../base/deadline.ts'
import { codeOf } from '../../../base/errors.ts'
import { pathOf } from '../manifests.ts'
import type { DemoWorld } from '../world.ts'
import { type VolumeClass, volumeOrder } from './volume-class.ts'

/** One try of kubelet to fill a volume, or to look after it again: it worked, or the text of its event. */
export type MountTry =
  | { readonly volume: MountedVolume; readonly refused?: undefined }
  | { readonly refused: string; readonly volume?: undefined }

export interface SeenFile {
  readonly path: string
  /** As `stat` prints it, octal. */
  readonly mode: string
  readonly contents: Buffer
}

/** Kubelet and the CSI driver of the demo's node, as far as volumes of one class go. */
export interface Volumes {
  tryMount(pod: string, signal: AbortSignal): Promise<MountTry>
  /** Tries with kubelet's pauses until the volume is there. @returns the texts of the refusals before */
  untilMounted(
    pod: string,
    signal: AbortSignal,
  ): Promise<{ refusals: readonly string[]; volume: MountedVolume }>
  /** Looks after it again and again until one try is as wanted. */
  lookUntil(pod: string, wanted: (each: MountTry) => boolean, signal: AbortSignal): Promise<MountTry>
  /** A file as the pod sees it; undefined when it is not there. */
  file(pod: string, path: string, signal: AbortSignal): Promise<SeenFile | undefined>
  /** Folder of the volume. */
  folder(pod: string, signal: AbortSignal): Promise<string>
  close(): void
}

export interface VolumesOptions {
  readonly world: DemoWorld
  readonly volumeClass: VolumeClass
  /** Path of the provider's socket. */
  readonly socket: string
}

/** kubelet's pauses between tries, milliseconds; it goes on to two minutes. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 2_000
const LOOK_MS = 200
/** All tries together: less than a step of the story, so that what the last one said is told. */
const TRIES_MS = 40_000

/** @param options.world the namespace of all pods is `default` */
export function createVolumes({ world, volumeClass, socket }: VolumesOptions): Volumes {
  const { clock, rest } = world
  const driver = createCsiDriver({ socket, clock })

  async function orderOf(pod: string, signal: AbortSignal) {
    const { attributes, path } = volumeOrder(
      await rest.getJson(pathOf('Pod', 'default', pod), { signal }),
      volumeClass,
    )
    return { attributes, targetPath: join(world.folder, path), signal }
  }

  async function tryMount(pod: string, signal: AbortSignal): Promise<MountTry> {
    const order = await orderOf(pod, signal)
    try {
      return { volume: await driver.mount(order) }
    } catch (thrown) {
      signal.throwIfAborted()
      if (thrown instanceof MountRefused) return { refused: thrown.message }
      throw thrown
    }
  }

  /** One try after the other until `ends` says so. @throws Error with the last refusal when the time is up */
  async function tries(
    pod: string,
    signal: AbortSignal,
    { ends, pauseMs }: { ends: (each: MountTry) => boolean; pauseMs: (tries: number) => number },
  ): Promise<readonly MountTry[]> {
    const made: MountTry[] = []
    const work = async (within: AbortSignal): Promise<readonly MountTry[]> => {
      for (;;) {
        const each = await tryMount(pod, within)
        made.push(each)
        if (ends(each)) return made
        await sleep(clock, pauseMs(made.length), within)
      }
    }
    const what = `the volume of pod ${pod}`
    try {
      return await withDeadline({ clock, ms: TRIES_MS, what, parent: signal }, work)
    } catch (thrown) {
      if (!(thrown instanceof DeadlineError)) throw thrown
      throw new Error(`${thrown.message}; the last try: ${made.at(-1)?.refused ?? 'mounted'}`, {
        cause: thrown,
      })
    }
  }

  return {
    tryMount,
    async untilMounted(pod, signal) {
      const pauseMs = (made: number): number => Math.min(FIRST_PAUSE_MS * 2 ** (made - 1), LONGEST_PAUSE_MS)
      const made = await tries(pod, signal, { ends: ({ volume }) => volume !== undefined, pauseMs })
      const volume = made.at(-1)?.volume
      if (volume === undefined) throw new Error('the tries ended without a volume')
      return { volume, refusals: made.flatMap(({ refused }) => refused ?? []) }
    },
    async lookUntil(pod, wanted, signal) {
      const made = await tries(pod, signal, { ends: wanted, pauseMs: () => LOOK_MS })
      return made.at(-1) ?? { refused: '' }
    },
    async file(pod, path, signal) {
      const { targetPath } = await orderOf(pod, signal)
      try {
        const { mode } = await stat(join(targetPath, path))
        const contents = await readFile(join(targetPath, path))
        return { path, contents, mode: (mode & 0o777).toString(8).padStart(4, '0') }
      } catch (thrown) {
        if (codeOf(thrown) === 'ENOENT') return undefined
        throw thrown
      }
    },
    folder: async (pod, signal) => (await orderOf(pod, signal)).targetPath,
    close: () => driver.close(),
  }
}
