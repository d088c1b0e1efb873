import type { Secret, SecretReference } from '../model/resources.ts'

/** The API server does not let podid read a Secret. The message names the commands that change it. */
export class SecretForbiddenError extends Error {
  override readonly name = 'SecretForbiddenError'
}

/** Where the credentials of service principals come from: the Kubernetes Secrets, watched. */
export interface SecretReader {
  /**
   * The newest state of the Secret; undefined when there is none.
   * @throws SecretForbiddenError; the signal's reason, or the reader's own error when the API server does not answer
   */
  secret(reference: SecretReference, signal: AbortSignal): Promise<Secret | undefined>
  /** Calls the listener after a Secret was added, changed or removed. */
  subscribe(listener: (reference: SecretReference) => void): () => void
}

/** For set-ups that may not read Secrets: no Secret exists. */
export const noSecrets: SecretReader = {
  secret: () => Promise.resolve(undefined),
  subscribe: () => () => {},
}
