import { execFileSync } from 'node:child_process'

/** What runs here, for who wants the same again; with changes, if there are any in these folders. */
export function commitOf(...folders: string[]): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim()
    const isChanged = git('status', '--porcelain', ...folders) !== ''
    return `commit ${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'an unknown commit'
  }
}
