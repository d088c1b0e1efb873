import { run } from '../command.ts'

export interface Origin {
  /** The time that stands in the image: SOURCE_DATE_EPOCH, else the last commit's. */
  readonly created: Date
  /** The commit, with `-modified` when tracked files differ from it; undefined outside a repository. */
  readonly revision: string | undefined
}

/**
 * Where the files come from. SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/)
 * wins; without it and without a repository the time is 1970.
 */
export async function originOf(
  repository: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Origin> {
  const given = environment['SOURCE_DATE_EPOCH']
  if (given !== undefined && !/^\d{1,11}$/.test(given))
    throw new Error(`SOURCE_DATE_EPOCH is no time: ${given}`)
  const commit = await git(repository, 'log', '-1', '--format=%H %ct')
  const [hash, time = '0'] = commit?.split(' ') ?? []
  const changed = await git(repository, 'status', '--porcelain', '--untracked-files=no')
  return {
    created: new Date(Number(given ?? time) * 1_000),
    revision: hash === undefined ? undefined : `${hash}${changed === '' ? '' : '-modified'}`,
  }
}

async function git(repository: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run('git', ['-C', repository, ...args])).trim()
  } catch {
    // No git, or an unpacked archive of the sources: the image is built all the same.
    return undefined
  }
}
