ALTER USER %(user)s SET RSA_PUBLIC_KEY = '%(public_key)s';
