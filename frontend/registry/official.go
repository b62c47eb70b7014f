package registry

import "strings"

// official are the images below docker.io/library, which are public
// (https://github.com/docker-library/official-images/tree/master/library, and those that
// were there before).
var official = " adminer aerospike almalinux alpine alt amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash bonita buildpack-deps " +
	"busybox caddy cassandra centos chronograf cirros clearlinux clefos clickhouse clojure composer consul convertigo couchbase couchdb crate dart " +
	"debian django docker docker-dev drupal eclipse-mosquitto eclipse-temurin eggdrop elasticsearch elixir emqx erlang euleros express-gateway fedora " + //nolint:misspell // the name of an image
	"flink fluentd friendica fsharp gazebo gcc geonetwork ghost glassfish golang gradle groovy haproxy haskell haxe hello-seattle hello-world " +
	"hipache hitch hola-mundo httpd hylang ibm-semeru-runtimes ibmjava influxdb iojs irssi java jenkins jetty jobber joomla jruby julia kaazing-gateway " +
	"kapacitor kibana known kong krakend lightstreamer liquibase logstash mageia mariadb matomo maven mediawiki memcached mongo mongo-express " +
	"monica mono mysql nats nats-streaming neo4j neurodebian nextcloud nginx node notary nuxeo odoo open-liberty openjdk opensuse oraclelinux " +
	"orientdb owncloud percona perl photon php php-zendserver phpmyadmin piwik plone postfixadmin postgres pypy python r-base rabbitmq rails " +
	"rakudo-star rapidoid redis redmine registry rethinkdb rocket.chat rockylinux ros ruby rust sapmachine satosa scratch sentry silverpeas sl solr " +
	"sonarqube sourcemage spark spiped storm swarm swift swipl teamspeak telegraf thrift tomcat tomee traefik ubuntu ubuntu-debootstrap " +
	"ubuntu-upstart unit valkey varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper "

// IsOfficial tells whether a repository of Docker Hub is known to be an official image:
// "library/alpine". One that is not known may be a new one.
func IsOfficial(repository string) bool {
	name, ok := strings.CutPrefix(repository, "library/")
	return ok && name != "" && !strings.Contains(name, " ") && strings.Contains(official, " "+name+" ")
}
