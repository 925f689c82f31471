/** Everything that one history is made of, and that its parts need of each other. */

import { Clocks } from './clocks.js'
import { Cluster } from './cluster.js'
import { Convergence } from './convergence.js'
import { Exactness } from './exactness.js'
import { Expiry } from './expiry.js'
import { History } from './history.js'
import { Membership } from './membership.js'
import { Partings } from './partings.js'
import { Reads } from './reads.js'
import type { Scenario } from './scenario.js'
import { Survival } from './survival.js'
import { Told } from './told.js'
import { Verdicts } from './verdicts.js'
import type { World } from './world.js'

export class Trial {
  readonly world: World
  readonly cluster: Cluster
  readonly history: History
  readonly clocks: Clocks
  readonly convergence: Convergence
  readonly exactness: Exactness
  readonly expiry: Expiry
  readonly partings: Partings
  readonly reads: Reads
  readonly survival: Survival
  readonly told: Told
  readonly verdicts: Verdicts

  constructor(world: World, scenario: Scenario) {
    this.world = world
    this.cluster = new Cluster(world, scenario)
    this.history = new History(this.cluster)
    this.clocks = new Clocks(this.cluster)
    this.convergence = new Convergence(this.cluster, this.history)
    this.exactness = new Exactness(this.cluster, this.history)
    this.expiry = new Expiry(this.cluster, this.history)
    this.partings = new Partings(this.cluster, this.history)
    this.reads = new Reads(this.cluster, this.history)
    this.survival = new Survival(this.cluster, this.history, this.partings)
    this.told = new Told(this.cluster, this.history)
    this.verdicts = new Verdicts(this.cluster)
    const membership = new Membership(this.cluster)
    this.cluster.observers.push(
      this.expiry,
      this.survival,
      this.told,
      this.verdicts,
      membership,
      this.partings,
      this.reads,
      this.clocks,
    )
  }
}
