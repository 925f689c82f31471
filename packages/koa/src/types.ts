/** The types of `ctx.session`: koa-session 7 has none for it. */

/** What the sessions of an application hold; to be extended with `declare module '@sessionmesh/koa'`. */
// biome-ignore lint/suspicious/noEmptyInterface: the application fills it.
export interface SessionData {}

/** `ctx.session`, as koa-session makes it. */
export interface SessionModel {
  /** Whether it was not there when the request came. */
  readonly isNew: boolean
  /** How many attributes it has. */
  readonly length: number
  readonly populated: boolean
  /** Its id. */
  readonly externalKey: string | undefined
  /** Lifetime of this session and its cookie, in ms; `'session'` for a cookie that ends with the browser. */
  get maxAge(): number | 'session' | undefined
  set maxAge(maxAge: number | 'session')
  /** Saves it now, changed or not. */
  save(): Promise<void>
  save(callback: (error?: Error) => void): void
  /** Gives it another id now; what it holds stays. */
  regenerate(): Promise<void>
  regenerate(callback: (error?: Error) => void): void
  /** Saves it now if it was changed: for `autoCommit: false`. */
  manuallyCommit(): Promise<void>
  /** Its attributes. */
  toJSON(): Record<string, unknown>
}

export type Session = SessionModel & Partial<SessionData>

declare module 'koa' {
  interface BaseContext {
    /** `null` once the handler has ended the session by `ctx.session = null`. */
    get session(): Session | null
    set session(session: Partial<SessionData> | null)
    /** koa-session's options, as they are for this request. */
    readonly sessionOptions: {
      maxAge?: number | 'session' | undefined
      path?: string | undefined
      domain?: string | undefined
      sameSite?: 'lax' | 'strict' | 'none' | undefined
      secure?: boolean | undefined
      partitioned?: boolean | undefined
    }
  }
}
