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
  'keyvault-provider': ['--max-semi-space-size=1'],
} as const satisfies Record<string, readonly string[]>
