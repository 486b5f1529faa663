/** In the bundle this takes the place of packages that the SDKs load and never come to use here. */
module.exports = {};
