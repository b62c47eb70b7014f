package field

// sentAgain: the helper has a login for an alias too.
var sentAgain = want{
	code: "credentials-rejected/credentials-rejected",
	says: []string{"credentials were sent for the host alias too (from a credential helper", "not every credential helper can remove credentials"},
	not:  []string{"every host"},
}

func credentialHelpers() []helper {
	return []helper{
		{
			name: "pass", host: "pass.test", fast: true, setup: setupPass,
			answers: [4]string{hasLogin, notFound, notFound, notFound},
			store:   want{by: "U"}, helpers: want{by: "U"}, empty: want{by: "U"},
		},
		{
			name: "secretservice", host: "secretservice.test", setup: setupSecretservice(ownSecretservice, true),
			answers: [4]string{hasLogin, notFound, notFound, notFound},
			store:   want{by: "U"}, helpers: want{by: "U"}, empty: want{by: "U"},
		},
		{
			name: "debian", title: "secretservice 0.6.4, Debian's", host: "secretservice-debian.test", setup: setupSecretservice(debianSecretservice, true),
			answers: [4]string{hasLogin, notFound, notFound, notFound},
			store:   want{by: "U"}, helpers: want{by: "U"}, empty: want{by: "U"},
		},
		{
			name: "nobus", title: "secretservice without D-Bus", host: "no-bus.test", setup: setupSecretservice(ownSecretservice, false),
			answers: [4]string{helperErr, helperErr, helperErr, helperErr},
			store: want{
				code: "credential-helper/credential-helper",
				says: []string{`the credential helper for HOST failed ("Cannot autolaunch D-Bus without X11 $DISPLAY"), for the host alias too`},
			},
			helpers: want{by: "U"}, empty: want{by: "U"},
			blocks: `docker-credential-nobus failed for no-bus.test ("Cannot autolaunch D-Bus without X11 $DISPLAY"), and for the host alias NO-BUS.TEST`,
		},
		{
			name: "ecr-login", host: "public.ecr.aws", setup: setupECR,
			answers: [4]string{hasLogin, notFound, hasLogin, notFound},
			store:   want{by: "B"}, helpers: want{by: "B"}, empty: want{by: "B"},
		},
		{
			name: "gcr", host: "gcr.io", setup: setupGCR,
			answers: [4]string{hasLogin, hasLogin, hasLogin, hasLogin},
			store:   sentAgain, helpers: want{by: "B"}, empty: want{by: "B"},
			blocks: "docker-credential-gcr answers for the host alias GCR.IO:443 too",
		},
		{
			name: "acr-env", host: "field.azurecr.io", setup: setupACR,
			answers: [4]string{hasLogin, helperErr, hasLogin, helperErr},
			store:   sentAgain, helpers: want{by: "B"}, empty: want{by: "B"},
			blocks: "docker-credential-acr-env failed for the host alias FIELD.AZURECR.IO:443",
		},
	}
}
