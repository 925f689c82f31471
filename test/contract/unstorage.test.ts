import { framework } from './frameworks/unstorage.js'
import { framework as withVisits } from './frameworks/unstorage-visits.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
describeFramework(withVisits)
