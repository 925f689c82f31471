/** The same as the usual build, which alone brings types. */
declare module 'msgpackr/index-no-eval' {
  export * from 'msgpackr'
}
