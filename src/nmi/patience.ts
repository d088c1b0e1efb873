/**
 * Clients that wait for an answer without a time-out and do not ask again after a 503, as each of them was
 * tried: curl, Wget, and MSAL for Python on a plain `requests` session, which is what Azure CLI does. Azure's
 * libraries for Python send `azsdk-python-identity/...` and ask again.
 */
const PATIENT = /^(?:curl|python-requests|wget)\//i

/** True for a client that would take a retryable answer for the last word, and waits as long as it must. */
export function isPatient(userAgent: string | undefined): boolean {
  return userAgent !== undefined && PATIENT.test(userAgent)
}
