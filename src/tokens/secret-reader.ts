import type { Secret, SecretReference } from '../model/resources.ts'

/** Where the credentials of service principals come from: the Kubernetes Secrets, watched. */
export interface SecretReader {
  /**
   * The newest state of the Secret; undefined when there is none.
   * @throws the signal's reason, or the reader's own error when the API server does not answer
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
