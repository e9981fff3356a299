/** Everything that is tested inside a guest; arguments are parts of the names of what is wanted. */

import './devices.js';
import './passthrough.js';
import './filesystems.js';
import './freezing.js';
import './online.js';
import './leftovers.js';
