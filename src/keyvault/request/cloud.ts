import { type Cloud, cloudByName, knownClouds } from '../../azure/clouds.ts'
import type { Clock } from '../../base/clock.ts'
import { DeadlineError } from '../../base/deadline.ts'
import { nearMatch } from '../../model/near-match.ts'
import { MountFailure } from '../mount-failure.ts'
import { quoted, shown } from '../shown.ts'
import { EnvironmentFileError, readEnvironmentFile } from './environment-file.ts'

/** The clouds of the process. */
export interface CloudChoices {
  /** Of classes that name none (`--cloud-name`). */
  readonly defaultCloud: Cloud
  /**
   * Of AZURE_ENVIRONMENT_FILEPATH, for classes that say AzureStackCloud without a file. The same object as
   * `defaultCloud` when the process itself is in that cloud: then a class need not say AzureStackCloud.
   */
  readonly stackCloud?: Cloud
  /**
   * Folder whose files `cloudEnvFileName` may name; empty: none. Its files must be the operator's: tokens and
   * secrets of pods go to the login authority that they name.
   */
  readonly environmentFolder: string
  readonly clock: Clock
}

const STACK = 'AzureStackCloud'

/**
 * The cloud of a mount. Each mount reads its own environment file: nothing of the process changes by it.
 * @throws MountFailure `parameter-invalid`; the signal's reason
 */
export async function cloudOfMount(
  wanted: { readonly cloudName: string; readonly cloudEnvFileName: string },
  choices: CloudChoices,
  signal: AbortSignal,
): Promise<Cloud> {
  const { cloudName, cloudEnvFileName } = wanted
  const { defaultCloud, stackCloud } = choices
  const isStack =
    cloudName === '' ? defaultCloud === stackCloud : cloudName.toLowerCase() === STACK.toLowerCase()
  if (isStack) return stackOf(cloudEnvFileName, choices, signal)
  if (cloudName === '') return defaultCloud
  const cloud = cloudByName(cloudName)
  if (cloud !== undefined) return cloud
  throw invalid(
    cloudName,
    `autorest/azure: There is no cloud environment matching the name ${quoted(cloudName)}${suggestion(cloudName)}`,
  )
}

async function stackOf(file: string, choices: CloudChoices, signal: AbortSignal): Promise<Cloud> {
  const { stackCloud, environmentFolder, clock } = choices
  if (file === '') {
    if (stackCloud !== undefined) return stackCloud
    throw invalid(
      STACK,
      'cloudEnvFileName is not provided, and the provider has no AZURE_ENVIRONMENT_FILEPATH',
    )
  }
  try {
    return await readEnvironmentFile(file, { folder: environmentFolder, clock }, signal)
  } catch (thrown) {
    if (!(thrown instanceof EnvironmentFileError || thrown instanceof DeadlineError)) throw thrown
    throw invalid(STACK, `open cloudEnvFileName ${shown(file)}: ${thrown.message}`)
  }
}

function suggestion(name: string): string {
  const names = [...knownClouds().map((each) => each.name), STACK]
  const near = nearMatch(name, names)
  return near === undefined ? `; there are ${names.join(', ')}` : `; did you mean ${near}?`
}

function invalid(name: string, text: string): MountFailure {
  return new MountFailure('parameter-invalid', `cloudName ${shown(name)} is not valid, error: ${text}`)
}
