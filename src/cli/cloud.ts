import { readFile } from 'node:fs/promises'
import { type Cloud, cloudByName, customCloud, knownClouds } from '../azure/clouds.ts'
import { errorText, OperatorError } from '../base/errors.ts'
import type { Environment } from './flag-command.ts'

/** Where the old chart put the environment file of a custom cloud. */
const ENVIRONMENT_FILE = 'AZURE_ENVIRONMENT_FILEPATH'

/** The variable's file; an empty one is none. */
export function environmentFileOf(environment: Environment): string | undefined {
  const file = environment[ENVIRONMENT_FILE]
  return file === '' ? undefined : file
}

/**
 * @param needs as of `customCloud`
 * @throws OperatorError for a name that is none, or an environment file that cannot be used.
 */
export async function cloudNamed(
  name: string,
  environment: Environment,
  needs?: { readonly arm: boolean },
): Promise<Cloud> {
  const file = environmentFileOf(environment)
  if (name.toLowerCase() === 'azurestackcloud' && file !== undefined) {
    try {
      return customCloud(await readFile(file), needs)
    } catch (thrown) {
      throw new OperatorError(`${ENVIRONMENT_FILE}=${file}: ${errorText(thrown)}`, { cause: thrown })
    }
  }
  const cloud = cloudByName(name)
  if (cloud !== undefined) return cloud
  const known = knownClouds().map((each) => each.name)
  throw new OperatorError(
    `the cloud ${name} is not known: ${known.join(', ')}, or AzureStackCloud with ${ENVIRONMENT_FILE}`,
  )
}
