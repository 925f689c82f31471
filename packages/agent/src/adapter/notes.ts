/**
 * What is noted of objects that are not ours, as long as they live. A WeakMap says the same; but a request makes several
 * such objects, and what the garbage collector does for their entries cost more than all else of loading a session.
 */

export interface Notes<T> {
  get(object: object): T | undefined
  /** Of a frozen object as well. Nobody else sees the note: not in JSON, nor in a copy. */
  set(object: object, note: T): void
}

export function newNotes<T>(): Notes<T> {
  // A constructor that gives back another object puts the fields of its subclass on that.
  class Noted extends Same {
    #note: T

    constructor(object: object, note: T) {
      super(object)
      this.#note = note
    }

    static get(object: object): T | undefined {
      return #note in object ? object.#note : undefined
    }

    static set(object: object, note: T): void {
      if (#note in object) object.#note = note
      else new Noted(object, note)
    }
  }
  return Noted
}

class Same {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: see `Noted`
    return object
  }
}
