/** Runs work after the write that caused it has been answered, one piece after another. */
export type Later = (work: () => void) => void
