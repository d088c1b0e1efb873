/** Flags of Node itself, by component: what images, manifests, the demo and the figures start podid with. */
export const RUNTIME_FLAGS = {
  /**
   * Small memory before peak speed: a small young generation, one helper thread, and machine code only
   * for what is really hot. Measured (`npm run bench -- agent-memory cached-requests`): 4 to 7 MB less
   * than with the first flag alone, and no fewer cached answers a second.
   */
  nmi: [
    '--max-semi-space-size=1',
    '--v8-pool-size=1',
    '--no-maglev',
    '--optimize-for-size',
    '--invocation-count-for-turbofan=20000',
  ],
  mic: ['--max-semi-space-size=4'],
  /**
   * As the node agent, for the same reason: a burst of mounts leaves 99 MB instead of 164 MB, at half as much CPU again
   * for a mount (`npm run bench -- keyvault-memory`). It has one mount a minute and pod to do.
   */
  'keyvault-provider': ['--max-semi-space-size=1', '--v8-pool-size=1', '--no-maglev', '--optimize-for-size'],
} as const satisfies Record<string, readonly string[]>
