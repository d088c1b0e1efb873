import type { Store } from '../../kube/store.ts'

/** Resolves with the first object, present or to come, for which `test` holds. @throws the signal's reason. */
export async function watchFor<T>(
  store: Store<T>,
  test: (object: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (const object of store.values()) if (test(object)) return object
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const unsubscribe = store.subscribe(({ after }) => {
    if (after !== undefined && test(after)) resolve(after)
  })
  try {
    return await promise
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', onAbort)
  }
}

/** Resolves when the store is empty. @throws the signal's reason. */
export async function watchForNone<T>(store: Store<T>, signal: AbortSignal): Promise<void> {
  if (store.size === 0) return
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const unsubscribe = store.subscribe(() => {
    if (store.size === 0) resolve(undefined)
  })
  try {
    await promise
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', onAbort)
  }
}
