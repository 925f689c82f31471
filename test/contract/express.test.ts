import { framework } from './frameworks/express.js'
import { describeFramework } from './suite.js'

describeFramework(framework)
